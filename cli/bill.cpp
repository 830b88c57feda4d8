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

Biller::Biller(const LargeHistory& history, const Pricing& pricing) : history_(history) {
  for (unsigned i = 0; i < learn::kLargeClasses; ++i) {
    costs_[i] = learn::costs_of(pricing.costs, pricing.price, learn::large_class_bytes(i));
  }
}

void Biller::hold(const IdleSpan& span, Stage stage, double seconds) {
  if (stage == Stage::kGone) return;
  const learn::BlockCosts& costs = costs_of(span);
  outcome_.hold_s += seconds * (stage == Stage::kLazy ? costs.lazy_rate : costs.hold_rate);
  outcome_.idle_gib_s += seconds * static_cast<double>(span.bytes) / static_cast<double>(kGiB);
}

void Biller::release(const IdleSpan& span, Stage to, std::uint64_t time_ns, bool unmap) {
  const learn::BlockCosts& costs = costs_of(span);
  ++outcome_.releases;
  outcome_.cpu_s += to == Stage::kLazy ? costs.free_s : unmap ? costs.unmap_s : costs.dontneed_s;
  if (to == Stage::kGone) changes_.push_back({time_ns, -static_cast<std::int64_t>(span.bytes)});
}

void Biller::reuse(const IdleSpan& span, Stage from) {
  if (from == Stage::kResident) return;
  const learn::BlockCosts& costs = costs_of(span);
  ++outcome_.refaults;
  outcome_.cpu_s += from == Stage::kGone ? costs.fault_s : costs.touch_after_free_s;
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
    biller.hold(span, stage, static_cast<double>(time_ns - now_ns) * 1e-9);
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
