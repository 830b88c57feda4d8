// The release rules that production allocators have, as policies (policies.hpp).
//
// Low-water mark and windowed peak both say how many idle blocks of a class are not needed. Those
// are the oldest ones, at the bottom of the stack, so the released blocks of a class are always
// its lowest:
//
//   bottom | gone gone gone | resident resident | top
//                    released ^         size() ^
#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "policies.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kTickNs = 1'000'000'000;
constexpr std::size_t kWindowTicks = 10;

class ClassStack {
 public:
  std::size_t size() const { return stack_.size(); }

  void push(std::uint32_t span) { stack_.push_back(span); }

  // The stage of the block that is reused now.
  Stage pop() {
    const bool gone = released_ == stack_.size();
    stack_.pop_back();
    released_ = std::min(released_, stack_.size());
    return gone ? Stage::kGone : Stage::kResident;
  }

  // Releases the lowest blocks until `count` of them are gone. f(span) does it.
  template <typename F>
  void release_lowest(std::size_t count, F f) {
    for (; released_ < count; ++released_) f(stack_[released_]);
  }

 private:
  std::vector<std::uint32_t> stack_;
  std::size_t released_ = 0;
};

// Runs a rule that acts at each tick. Rule: on_pop(class, size after), unneeded(class, size).
template <typename Rule>
class TickingRun {
 public:
  TickingRun(const LargeHistory& history, const Pricing& pricing)
      : history_(history), biller_(history, pricing), gone_(history.spans.size(), false) {}

  Outcome run() {
    for (const Step& step : history_.steps) {
      tick_until(step.time_ns);
      step.begins ? begin(step.span) : end(step.span);
    }
    tick_until(history_.end_ns);
    for (std::size_t i = 0; i < history_.spans.size(); ++i) {
      const IdleSpan& span = history_.spans[i];
      if (!span.reused && !gone_[i]) hold(span, history_.end_ns);
    }
    return biller_.finish();
  }

 private:
  void begin(std::uint32_t span) { stacks_[history_.spans[span].size_class].push(span); }

  void end(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    const Stage stage = stacks_[span.size_class].pop();
    if (stage == Stage::kResident) hold(span, span.until_ns);
    biller_.reuse(span, stage);
    rule_.on_pop(span.size_class, stacks_[span.size_class].size());
  }

  void hold(const IdleSpan& span, std::uint64_t until_ns) {
    biller_.hold(span, Stage::kResident, span.freed_ns, until_ns);
  }

  void tick_until(std::uint64_t time_ns) {
    for (; next_tick_ns_ <= time_ns; next_tick_ns_ += kTickNs) {
      for (std::size_t i = 0; i < stacks_.size(); ++i) tick(i, next_tick_ns_);
    }
  }

  void tick(std::size_t size_class, std::uint64_t now_ns) {
    ClassStack& stack = stacks_[size_class];
    const std::size_t count = std::min(rule_.unneeded(size_class, stack.size()), stack.size());
    stack.release_lowest(count, [&](std::uint32_t index) {
      hold(history_.spans[index], now_ns);
      biller_.release(history_.spans[index], Stage::kGone, now_ns);
      gone_[index] = true;
    });
  }

  const LargeHistory& history_;
  Biller biller_;
  Rule rule_;
  std::array<ClassStack, learn::kLargeClasses> stacks_;
  std::vector<bool> gone_;
  std::uint64_t next_tick_ns_ = kTickNs;
};

class LowWater {
 public:
  void on_pop(std::size_t size_class, std::size_t size) {
    low_[size_class] = std::min(low_[size_class], size);
  }
  std::size_t unneeded(std::size_t size_class, std::size_t size) {
    const std::size_t result = low_[size_class];
    low_[size_class] = size;
    return result;
  }

 private:
  std::array<std::size_t, learn::kLargeClasses> low_{};
};

// What the peak of the window would not have needed is the least that was idle in it.
class WindowedPeak {
 public:
  void on_pop(std::size_t size_class, std::size_t size) { now_.on_pop(size_class, size); }
  std::size_t unneeded(std::size_t size_class, std::size_t size) {
    std::deque<std::size_t>& window = window_[size_class];
    window.push_back(now_.unneeded(size_class, size));
    if (window.size() > kWindowTicks) window.pop_front();
    return *std::min_element(window.begin(), window.end());
  }

 private:
  LowWater now_;
  std::array<std::deque<std::size_t>, learn::kLargeClasses> window_;
};

// ptmalloc's rule, in the terms of idle stacks: blocks from the threshold on are unmapped when they
// are freed, and raise it above their own size, up to 32 MiB; smaller ones stay in the heap until
// more than twice the threshold is idle there, which is then trimmed. In the real heap only what
// lies at its top is trimmed, and blocks that were mapped before the threshold rose are still
// unmapped: this is the rule, with the heap's layout left out.
class GlibcRun {
 public:
  GlibcRun(const LargeHistory& history, const Pricing& pricing)
      : history_(history),
        biller_(history, pricing),
        gone_(history.spans.size(), false),
        ended_(history.spans.size(), false) {}

  Outcome run() {
    for (const Step& step : history_.steps) {
      step.begins ? begin(step.span) : end(step.span);
    }
    for (const std::uint32_t index : in_heap_) {
      if (!gone_[index] && !history_.spans[index].reused) hold(index, history_.end_ns);
    }
    return biller_.finish();
  }

 private:
  static constexpr std::uint64_t kLargestThreshold = 32 * kMiB;
  static constexpr std::uint64_t kPageBytes = 4096;

  void begin(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    if (span.bytes >= threshold_) {
      const std::uint64_t mapped = span.bytes + kPageBytes;  // its header takes a page more
      if (mapped <= kLargestThreshold) threshold_ = mapped;
      gone_[index] = true;
      return biller_.release(span, Stage::kGone, span.freed_ns, true);
    }
    in_heap_.push_back(index);
    idle_bytes_ += span.bytes;
    if (idle_bytes_ > 2 * threshold_) trim(span.freed_ns);
  }

  void end(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    if (!gone_[index]) {
      hold(index, span.until_ns);
      idle_bytes_ -= span.bytes;
    }
    biller_.reuse(span, gone_[index] ? Stage::kGone : Stage::kResident);
    ended_[index] = true;
  }

  void trim(std::uint64_t now_ns) {
    for (const std::uint32_t index : in_heap_) {
      if (gone_[index] || ended_[index]) continue;
      hold(index, now_ns);
      gone_[index] = true;
      biller_.release(history_.spans[index], Stage::kGone, now_ns);
    }
    in_heap_.clear();
    idle_bytes_ = 0;
  }

  void hold(std::uint32_t index, std::uint64_t until_ns) {
    const IdleSpan& span = history_.spans[index];
    biller_.hold(span, Stage::kResident, span.freed_ns, until_ns);
  }

  const LargeHistory& history_;
  Biller biller_;
  std::vector<bool> gone_;
  std::vector<bool> ended_;
  std::vector<std::uint32_t> in_heap_;  // freed below the threshold since the last trim
  std::uint64_t threshold_ = 128 * kKiB;
  std::uint64_t idle_bytes_ = 0;
};

}  // namespace

Outcome run_low_water(const LargeHistory& history, const Pricing& pricing) {
  return TickingRun<LowWater>(history, pricing).run();
}

Outcome run_windowed_peak(const LargeHistory& history, const Pricing& pricing) {
  return TickingRun<WindowedPeak>(history, pricing).run();
}

Outcome run_glibc(const LargeHistory& history, const Pricing& pricing) {
  return GlibcRun(history, pricing).run();
}

}  // namespace hakmem::cli
