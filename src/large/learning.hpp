// Learning: which arm each idle block is under, and what is told to the learner.
//
//   HAKMEM_MODE=static or HAKMEM_LEARN=off   every block is held for HAKMEM_PURGE_DELAY
//   HAKMEM_LEARN=shadow                      the same, but the learner is told everything
//   on (the default)                         the learner's arms are in force
//   frozen                                   the same, but nothing is told: arms stay as they start
//   HAKMEM_SELECTOR=low-water, peak, glibc   in place of arms, a rule (learn/stack_rule.hpp)
//
// A malloc and free of a large block pay neither for the scoring nor for a lock that all shards share:
// they find their context and its arm without one, and note what happened in their shard (notes.hpp).
// That is told at the tick, when a shard's notes are full, and at once while the context's arm is a guess:
// its first reuse ends that, and its frees count for it each time that they have doubled. Reuses
// that follow within a tick of the coarse clock are counted and told in one go, before arms are decided.
//
// Above: idle shards, idle_blocks, reports. Below: notes, learn. Any thread. What takes Notes is called
// under their shard's lock; one lock of its own (rank kLearning) guards the learner.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/lock.hpp"
#include "config/knobs.hpp"
#include "large/notes.hpp"
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

  // What boot() finds as it is: counts of a process that has run before.
  void forget_counts_for_test();

  // The context of a block that is freed.
  learn::ContextId context_of(Notes& notes, unsigned size_class, std::size_t position, learn::Site site, std::uint64_t now_ms);

  const learn::Arm& arm_of(learn::ContextId context) const {
    return acts() ? learn::arm_of(learner_->arm_of(context)) : static_arm_;
  }
  bool is_guess(learn::ContextId context) const;

  // So many reuses of this context, each after about that time.
  void note_reuses(Notes& notes, unsigned size_class, learn::ContextId context, learn::Site site, std::uint32_t count,
                   const IdleTime& idle, std::uint64_t now_ms);

  void tell(Notes& notes, std::uint64_t now_ms);

  // The same three for a stack rule; without one nothing is to go. `idle_bytes` is asked where it matters.
  template <typename IdleBytes>
  learn::StackRule::OnFree note_freed(std::size_t bytes, IdleBytes idle_bytes);
  void note_taken(Notes& notes, unsigned size_class, std::size_t left) { notes.rule.note_taken(size_class, left); }
  std::size_t unneeded(Notes& notes, unsigned size_class, std::size_t count);

  // Calls note(size_class, context, idle, blocks) of `visit`, under the lock, where it is learned from.
  template <typename Visit>
  void note_idle(Visit visit);

  // Lets arms change, at this price from now on. About once a second.
  void decide(std::uint64_t now_ms, double price);

  void set_costs(const learn::CostModel& costs);

  // What giving back and holding such a block costs.
  learn::BlockCosts costs_of(std::size_t bytes);

  // A process that has lived for a while, or has paid for idle blocks what measuring costs many times.
  bool pays_for_measuring(std::uint64_t now_ms);

  // For reports and profiles: calls visit() under the lock, all that has been noted at once being told.
  template <typename Visit>
  void look(Visit visit);

  // The rest under the lock, but for acts(), selector() and a context of a block that the caller has.
  const learn::Learner& learner() const { return *learner_; }
  const learn::CostModel& costs() const { return costs_; }
  double price() const { return price_; }
  const learn::SelectorChoice& selector() const { return selector_; }
  std::uint64_t reuses_of(learn::ContextId context) const { return reuses_[index_of(context)]; }
  bool acts() const { return settings.learn == Learn::kOn || settings.learn == Learn::kFrozen; }

  // What scoring and deciding has taken of CPU; whoever calls decide() adds to it.
  Atomic<std::uint64_t>& spent_ns() { return spent_ns_; }

  bool lock_is_mine() const { return lock_.is_mine(); }
  bool lock_for_fork(bool patient) { return lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) { lock_.unlock_after_fork(in_child); }

 private:
  // What one decision period tells the learner at most: the rest is more of the same.
  static constexpr unsigned kMostScored = 2048;
  // Measuring takes half a millisecond: a hundredth of such a bill, and nothing in so long a life.
  static constexpr double kMeasureFromAge_s = 10;
  static constexpr double kMeasureFromBill_s = 0.05;
  static constexpr double kAtOnce_s = 1e-4;  // a reuse within one tick of the coarse clock

  bool observes() const {
    return (settings.learn == Learn::kOn || settings.learn == Learn::kShadow) && !learn::is_stack_rule(selector_);
  }
  bool follows_glibc() const { return acts() && selector_.kind == learn::SelectorKind::kGlibc; }
  static constexpr double seconds(std::uint64_t ms) { return static_cast<double>(ms) * 1e-3; }
  static constexpr learn::Unwatched unwatched_of(std::uint64_t from_ms, std::uint64_t to_ms) {
    return {seconds(from_ms), seconds(to_ms)};  // Looks::kOpen is later than any use
  }
  void tell_counts_locked(learn::ContextId context, Notes::Counts& counts) HAK_REQUIRES(lock_);
  void tell_reuses_at_once_locked() HAK_REQUIRES(lock_);
  void score_locked(const Notes::Reuse& reuse) HAK_REQUIRES(lock_);
  double age_s(std::uint64_t now_ms) const;

  Lock lock_{LockRank::kLearning};
  learn::Learner* learner_ = nullptr;
  learn::CostModel costs_;
  double price_ = 0.125;
  std::uint64_t started_ms_ = 0;
  learn::Arm static_arm_{learn::kNever, 1.0f, "static"};
  Atomic<unsigned> scored_{0};  // written under the lock
  learn::SelectorChoice selector_;
  learn::StackRule threshold_ HAK_GUARDED_BY(lock_);  // glibc's, one for all shards
  Atomic<std::uint64_t> spent_ns_{0};
  std::uint32_t at_once_[learn::ContextTable::kSlots] HAK_GUARDED_BY(lock_) = {};
  learn::Site at_once_site_[learn::ContextTable::kSlots] HAK_GUARDED_BY(lock_) = {};
  std::uint64_t reuses_[learn::ContextTable::kSlots] = {};
};

extern Learning learning;

template <typename IdleBytes>
learn::StackRule::OnFree Learning::note_freed(std::size_t bytes, IdleBytes idle_bytes) {
  if (!follows_glibc()) return learn::StackRule::OnFree::kStays;
  const LockGuard guard(lock_);
  return threshold_.note_freed(bytes, idle_bytes());
}

template <typename Visit>
void Learning::note_idle(Visit visit) {
  if (!observes()) return;
  const LockGuard guard(lock_);
  visit([this](unsigned size_class, learn::ContextId context, const IdleTime& idle, float blocks) {
    const learn::Unwatched unwatched = unwatched_of(idle.unwatched.from_ms, idle.unwatched.to_ms);
    learner_->observe_idle(context, learn::large_class_bytes(size_class), seconds(idle.ms), blocks, unwatched);
  });
}

template <typename Visit>
void Learning::look(Visit visit) {
  const LockGuard guard(lock_);
  if (observes()) tell_reuses_at_once_locked();
  visit();
}

}  // namespace hakmem
