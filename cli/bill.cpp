// See bill.hpp.
#include "bill.hpp"

#include <algorithm>

namespace hakmem::cli {
namespace {

bool earlier(const Change& a, const Change& b) { return a.time_ns < b.time_ns; }

// The most that was held at any moment; both lists in time order.
double peak_of(const std::vector<Change>& fresh, const std::vector<Change>& changes) {
  std::int64_t held = 0;
  std::int64_t peak = 0;
  auto change = changes.begin();
  for (const Change& one : fresh) {
    for (; change != changes.end() && change->time_ns <= one.time_ns; ++change) {
      peak = std::max(peak, held += change->bytes);
    }
    peak = std::max(peak, held += one.bytes);
  }
  for (; change != changes.end(); ++change) peak = std::max(peak, held += change->bytes);
  return static_cast<double>(peak);
}

std::uint64_t nanoseconds(float seconds) {
  return static_cast<std::uint64_t>(static_cast<double>(seconds) * 1e9);
}

}  // namespace

Biller::Biller(const LargeHistory& history, const Pricing& pricing)
    : history_(history), part_ns_(std::max(static_cast<double>(history.end_ns), 1.0) / kParts) {
  for (unsigned i = 0; i < learn::kLargeClasses; ++i) {
    costs_[i] = learn::costs_of(pricing.costs, pricing.price, learn::large_class_bytes(i));
  }
}

void Biller::add_cpu(double seconds, std::uint64_t time_ns) {
  const auto part = static_cast<std::size_t>(static_cast<double>(time_ns) / part_ns_);
  outcome_.cpu_s += seconds;
  outcome_.bill_s_by_part[std::min(part, kParts - 1)] += seconds;
}

void Biller::add_hold(double rate, std::uint64_t from_ns, std::uint64_t to_ns) {
  const auto from = static_cast<double>(from_ns);
  const auto to = static_cast<double>(to_ns);
  outcome_.hold_s += rate * (to - from) * 1e-9;
  auto part = static_cast<std::size_t>(from / part_ns_);
  for (; part < kParts && static_cast<double>(part) * part_ns_ < to; ++part) {
    const double begin = std::max(from, static_cast<double>(part) * part_ns_);
    const double end = std::min(to, static_cast<double>(part + 1) * part_ns_);
    outcome_.bill_s_by_part[part] += rate * std::max(end - begin, 0.0) * 1e-9;
  }
}

void Biller::hold(const IdleSpan& span, Stage stage, std::uint64_t from_ns, std::uint64_t to_ns) {
  if (stage == Stage::kGone) return;
  const learn::BlockCosts& costs = costs_of(span);
  add_hold(stage == Stage::kLazy ? costs.lazy_rate : costs.hold_rate, from_ns, to_ns);
  const double seconds = static_cast<double>(to_ns - from_ns) * 1e-9;
  outcome_.idle_gib_s += seconds * static_cast<double>(span.bytes) / static_cast<double>(kGiB);
}

void Biller::release(const IdleSpan& span, Stage to, std::uint64_t time_ns, bool unmap) {
  const learn::BlockCosts& costs = costs_of(span);
  ++outcome_.releases;
  add_cpu(to == Stage::kLazy ? costs.free_s : unmap ? costs.unmap_s : costs.dontneed_s, time_ns);
  if (to == Stage::kGone) changes_.push_back({time_ns, -static_cast<std::int64_t>(span.bytes)});
}

void Biller::reuse(const IdleSpan& span, Stage from) {
  if (from == Stage::kResident) return;
  const learn::BlockCosts& costs = costs_of(span);
  ++outcome_.refaults;
  add_cpu(from == Stage::kGone ? costs.fault_s : costs.touch_after_free_s, span.until_ns);
  if (from == Stage::kGone) {
    changes_.push_back({span.until_ns, static_cast<std::int64_t>(span.bytes)});
  }
}

Outcome Biller::finish() {
  std::stable_sort(changes_.begin(), changes_.end(), earlier);
  outcome_.peak_held_bytes = peak_of(history_.fresh, changes_);
  const double seconds = static_cast<double>(history_.end_ns) * 1e-9;
  const double held_gib_s = history_.live_gib_s + outcome_.idle_gib_s;
  if (seconds > 0) outcome_.average_held_bytes = held_gib_s / seconds * static_cast<double>(kGiB);
  return outcome_;
}

void IdleBlock::advance(Biller& biller, const IdleSpan& span, const learn::Arm& arm,
                        std::uint64_t to_ns) {
  std::uint64_t now_ns = std::max(settled_ns, span.freed_ns);
  const auto pass_until = [&](std::uint64_t time_ns) {
    biller.hold(span, stage, now_ns, time_ns);
    now_ns = time_ns;
  };
  const auto enter = [&](Stage next, float after_s) {
    if (stage >= next || after_s == learn::kNever) return;
    const std::uint64_t due_ns = span.freed_ns + nanoseconds(after_s);
    if (due_ns > to_ns) return;
    pass_until(std::max(now_ns, due_ns));
    stage = next;
    biller.release(span, next, now_ns);
  };
  enter(Stage::kLazy, arm.lazy_at);
  enter(Stage::kGone, arm.gone_at);
  pass_until(to_ns);
  settled_ns = to_ns;
}

}  // namespace hakmem::cli
