// A learner as a policy (policies.hpp): what the allocator does with src/learn/learner.hpp, in
// virtual time.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "learn/learner.hpp"
#include "policies.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kTickNs = 1'000'000'000;
constexpr std::size_t kSamples = 8;  // idle blocks that speak for a context at a tick

class LearnerRun {
 public:
  LearnerRun(const LargeHistory& history, const Pricing& pricing,
             const learn::SelectorChoice& choice)
      : history_(history),
        biller_(history, pricing),
        learner_(std::make_unique<learn::Learner>(pricing.costs, pricing.price, choice)),
        blocks_(history.spans.size()) {}

  void start_from(const learn::Profile& before) { learner_->start_from(before); }

  // The run, and what a process would have saved at its end.
  Outcome run_and_save(learn::Profile& profile) {
    learner_->record_in(&profile);
    const Outcome outcome = run();
    for (const Stack& stack : stacks_) {
      for (const std::uint32_t index : stack) {
        const learn::Context& context = learner_->context(blocks_[index].context);
        learn::add(profile.of(context).left, history_.spans[index].idle_s());
      }
    }
    return outcome;
  }

  Outcome run() {
    for (const Step& step : history_.steps) {
      tick_until(step.time_ns);
      step.begins ? begin(step.span) : end(step.span);
    }
    tick_until(history_.end_ns);
    settle_all(history_.end_ns);
    return biller_.finish();
  }

 private:
  struct Block {
    IdleBlock idle;
    learn::ContextId context{};
  };
  using Stack = std::vector<std::uint32_t>;

  void settle(std::uint32_t index, std::uint64_t now_ns) {
    Block& block = blocks_[index];
    const learn::Arm& arm = learn::arm_of(learner_->arm_of(block.context));
    block.idle.advance(biller_, history_.spans[index], arm, now_ns);
  }

  void settle_all(std::uint64_t now_ns) {
    for (const Stack& stack : stacks_) {
      for (const std::uint32_t index : stack) settle(index, now_ns);
    }
  }

  void begin(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    learner_->pass_time(static_cast<double>(span.freed_ns) * 1e-9);
    blocks_[index].context = learner_->context_of(span.size_class, span.position, span.site);
    stacks_[span.size_class].push_back(index);
  }

  void end(std::uint32_t index) {
    const IdleSpan& span = history_.spans[index];
    settle(index, span.until_ns);
    biller_.reuse(span, blocks_[index].idle.stage);
    learner_->note_reused(blocks_[index].context);
    learner_->observe(blocks_[index].context, span.bytes, span.idle_s());
    learner_->observe_site(span.size_class, span.site, span.idle_s());
    stacks_[span.size_class].pop_back();
  }

  void tick_until(std::uint64_t time_ns) {
    for (; next_tick_ns_ <= time_ns; next_tick_ns_ += kTickNs) tick(next_tick_ns_);
  }

  void tick(std::uint64_t now_ns) {
    for (const Stack& stack : stacks_) observe_idle(stack, now_ns);
    // Arms may change: what has been due until now is due under the old ones.
    settle_all(now_ns);
    learner_->decide(static_cast<double>(now_ns) * 1e-9);
  }

  // The idle blocks of a class, a few of each depth.
  void observe_idle(const Stack& stack, std::uint64_t now_ns) {
    for (std::size_t first = 0, end = 1; first < stack.size(); first = end, end *= 2) {
      const std::size_t last = std::min(end, stack.size());
      const std::size_t count = last - first;
      const std::size_t stride = (count + kSamples - 1) / kSamples;
      for (std::size_t i = first; i < last; i += stride) {
        const auto weight = static_cast<float>(std::min(stride, last - i));
        observe_one(stack[i], weight, now_ns);
      }
    }
  }

  void observe_one(std::uint32_t index, float weight, std::uint64_t now_ns) {
    const IdleSpan& span = history_.spans[index];
    const double idle_s = static_cast<double>(now_ns - span.freed_ns) * 1e-9;
    learner_->observe_idle(blocks_[index].context, span.bytes, idle_s, weight);
  }

  const LargeHistory& history_;
  Biller biller_;
  std::unique_ptr<learn::Learner> learner_;
  std::vector<Block> blocks_;
  std::array<Stack, learn::kLargeClasses> stacks_;
  std::uint64_t next_tick_ns_ = kTickNs;
};

}  // namespace

Outcome run_warm_learner(const LargeHistory& history, const Pricing& pricing) {
  const auto profile = std::make_unique<learn::Profile>();
  LearnerRun(history, pricing, {}).run_and_save(*profile);
  LearnerRun second(history, pricing, {});
  second.start_from(*profile);
  return second.run();
}

Outcome run_learner(const LargeHistory& history, const Pricing& pricing,
                    const learn::SelectorChoice& choice) {
  return LearnerRun(history, pricing, choice).run();
}

}  // namespace hakmem::cli
