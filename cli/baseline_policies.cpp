// The release rules of other allocators (src/learn/stack_rule.hpp) as policies (policies.hpp): what
// the allocator does under HAKMEM_SELECTOR=low-water, peak or glibc, in virtual time.
//
//   bottom | gone gone gone | resident, but for what went when it was freed | top
//                  all_gone ^                                         count ^
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "learn/stack_rule.hpp"
#include "policies.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kTickNs = 1'000'000'000;

class StackRuleRun {
 public:
  StackRuleRun(const LargeHistory& history, const Pricing& pricing, learn::SelectorKind kind)
      : history_(history),
        biller_(history, pricing),
        rule_(kind),
        gone_(history.spans.size(), false) {}

  Outcome run() {
    for (const Step& step : history_.steps) {
      tick_until(step.time_ns);
      step.begins ? begin(step.span) : end(step.span);
    }
    tick_until(history_.end_ns);
    for (std::uint32_t i = 0; i < history_.spans.size(); ++i) {
      if (!history_.spans[i].reused && !gone_[i]) hold(i, history_.end_ns);
    }
    return biller_.finish();
  }

 private:
  using OnFree = learn::StackRule::OnFree;

  struct Stack {
    std::vector<std::uint32_t> spans;
    std::size_t all_gone = 0;  // so many of the lowest
  };

  void begin(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    stacks_[span.size_class].spans.push_back(index);
    idle_bytes_ += span.bytes;
    switch (rule_.note_freed(span.bytes, idle_bytes_)) {
      case OnFree::kStays:
        return;
      case OnFree::kGoes:
        return release(index, span.freed_ns, true);
      case OnFree::kAllGo:
        for (Stack& stack : stacks_) release_lowest(stack, stack.spans.size(), span.freed_ns);
    }
  }

  void end(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    Stack& stack = stacks_[span.size_class];
    stack.spans.pop_back();
    stack.all_gone = std::min(stack.all_gone, stack.spans.size());
    if (!gone_[index]) {
      hold(index, span.until_ns);
      idle_bytes_ -= span.bytes;
    }
    biller_.reuse(span, gone_[index] ? Stage::kGone : Stage::kResident);
    rule_.note_taken(span.size_class, stack.spans.size());
  }

  void tick_until(std::uint64_t time_ns) {
    for (; next_tick_ns_ <= time_ns; next_tick_ns_ += kTickNs) {
      for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
        Stack& stack = stacks_[c];
        const std::size_t count =
            std::min(rule_.unneeded(c, stack.spans.size()), stack.spans.size());
        release_lowest(stack, count, next_tick_ns_);
      }
    }
  }

  void release_lowest(Stack& stack, std::size_t count, std::uint64_t now_ns) {
    for (; stack.all_gone < count; ++stack.all_gone) {
      const std::uint32_t index = stack.spans[stack.all_gone];
      if (!gone_[index]) release(index, now_ns, false);
    }
  }

  void release(std::uint32_t index, std::uint64_t now_ns, bool unmap) {
    hold(index, now_ns);
    biller_.release(history_.spans[index], Stage::kGone, now_ns, unmap);
    gone_[index] = true;
    idle_bytes_ -= history_.spans[index].bytes;
  }

  void hold(std::uint32_t index, std::uint64_t until_ns) {
    const IdleSpan& span = history_.spans[index];
    biller_.hold(span, Stage::kResident, span.freed_ns, until_ns);
  }

  const LargeHistory& history_;
  Biller biller_;
  learn::StackRule rule_;
  std::array<Stack, learn::kLargeClasses> stacks_;
  std::vector<bool> gone_;
  std::uint64_t idle_bytes_ = 0;  // resident
  std::uint64_t next_tick_ns_ = kTickNs;
};

}  // namespace

Outcome run_selector(const LargeHistory& history, const Pricing& pricing, const char* selector) {
  learn::SelectorChoice choice;
  choice.seed = pricing.seed;
  if (!learn::parse_selector(selector, choice)) throw std::invalid_argument(selector);
  if (learn::is_stack_rule(choice)) return StackRuleRun(history, pricing, choice.kind).run();
  return run_learner(history, pricing, choice);
}

}  // namespace hakmem::cli
