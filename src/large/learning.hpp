// Learning: which arm each idle block is under, and what is told to the learner.
//
//   HAKMEM_MODE=static or HAKMEM_LEARN=off   every block is held for HAKMEM_PURGE_DELAY
//   HAKMEM_LEARN=shadow                      the same, but the learner is told everything
//   on (the default)                         the learner's arms are in force
//   frozen                                   the same, but nothing is told: arms stay as they start
//   HAKMEM_SELECTOR=low-water, peak, glibc   in place of arms, a rule (learn/stack_rule.hpp)
//
// Most reuses of a hot class follow at once, within a tick of the coarse clock: those are counted
// and told in one go, so that a malloc and free of a large block do not pay for the scoring.
//
// Above: idle_blocks, reports. Below: learn. Called under the lock of idle_blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/knobs.hpp"
#include "learn/learner.hpp"
#include "learn/stack_rule.hpp"
#include "os/stopwatch.hpp"

namespace hakmem {

class Learning {
 public:
  // From the settings, once, before any block is idle.
  void boot(const learn::SelectorChoice& choice);

  // Right after boot(): what was learned before, and where to add what is learned from now on.
  void start_from(const learn::Profile& before) { learner_->start_from(before); }
  void record_in(learn::Profile* profile) { learner_->record_in(profile); }

  // So that a profile has all that has been noted.
  void tell_what_is_pending() {
    if (observes()) tell_reuses_at_once();
  }

  learn::ContextId context_of(unsigned size_class, std::size_t position, learn::Site site,
                              std::uint64_t now_ms);
  const learn::Arm& arm_of(learn::ContextId context) const;
  bool is_guess(learn::ContextId context) const { return acts() && learner_->rests_on_guess(context); }

  void note_reuse(unsigned size_class, learn::ContextId context, learn::Site site, std::uint64_t idle_ms);
  // So many reuses of this context, each after about `idle_ms`.
  void note_reuses(unsigned size_class, learn::ContextId context, learn::Site site, std::uint32_t count, std::uint64_t idle_ms);

  // The same three for a stack rule; without one nothing is to go.
  learn::StackRule::OnFree note_freed(std::size_t bytes, std::size_t idle_bytes) {
    return acts() ? rule_.note_freed(bytes, idle_bytes) : learn::StackRule::OnFree::kStays;
  }
  void note_taken(unsigned size_class, std::size_t left) { rule_.note_taken(size_class, left); }
  std::size_t unneeded(unsigned size_class, std::size_t count) {
    return acts() ? rule_.unneeded(size_class, count) : 0;
  }

  void note_idle(unsigned size_class, learn::ContextId context, std::uint64_t idle_ms, float blocks);

  // Lets arms change. About once a second.
  void decide(std::uint64_t now_ms);

  void set_costs(const learn::CostModel& costs);
  void set_price(double price);

  // A process that has lived for a while, or has paid for idle blocks what measuring costs many times.
  bool pays_for_measuring(std::uint64_t now_ms) const {
    return age_s(now_ms) >= kMeasureFromAge_s || learner_->regret().paid_s() >= kMeasureFromBill_s;
  }

  const learn::Learner& learner() const { return *learner_; }
  const learn::CostModel& costs() const { return costs_; }
  double price() const { return price_; }
  const learn::SelectorChoice& selector() const { return selector_; }

  // What scoring and deciding has taken; whoever calls decide() adds to it.
  Atomic<std::uint64_t>& spent_ns() { return spent_ns_; }

  bool acts() const { return settings.learn == Learn::kOn || settings.learn == Learn::kFrozen; }
  unsigned class_of(learn::ContextId context) const { return class_[index_of(context)]; }
  std::uint64_t reuses_of(learn::ContextId context) const { return reuses_[index_of(context)]; }

 private:
  // What one decision period tells the learner at most: the rest is more of the same.
  static constexpr unsigned kMostAtOnce = 32;
  static constexpr unsigned kMostScored = 2048;
  // Measuring takes half a millisecond: a hundredth of such a bill, and nothing in so long a life.
  static constexpr double kMeasureFromAge_s = 10;
  static constexpr double kMeasureFromBill_s = 0.05;
  static constexpr double kAtOnce_s = 1e-4;  // a reuse within one tick of the coarse clock

  bool observes() const {
    return (settings.learn == Learn::kOn || settings.learn == Learn::kShadow) && !learn::is_stack_rule(selector_);
  }
  void tell_reuses_at_once();
  void score(unsigned size_class, learn::ContextId context, learn::Site site, std::uint64_t idle_ms);
  double age_s(std::uint64_t now_ms) const;

  learn::Learner* learner_ = nullptr;
  learn::CostModel costs_;
  double price_ = 0.125;
  std::uint64_t started_ms_ = 0;
  learn::Arm static_arm_{learn::kNever, 1.0f, "static"};
  unsigned scored_ = 0;
  learn::SelectorChoice selector_;
  learn::StackRule rule_;
  Atomic<std::uint64_t> spent_ns_{0};
  std::uint8_t class_[learn::ContextTable::kSlots] = {};
  std::uint16_t at_once_[learn::ContextTable::kSlots] = {};
  learn::Site at_once_site_[learn::ContextTable::kSlots] = {};
  std::uint64_t reuses_[learn::ContextTable::kSlots] = {};
};

extern Learning learning;

}  // namespace hakmem
