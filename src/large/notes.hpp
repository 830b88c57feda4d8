// Notes: what one shard of the idle blocks has seen, and the learner has not been told yet.
//
//   every free, every reuse --> counts[context]       freed, reused, reused at once
//   a reuse after a while   --> reuse[0..reuses)      context, site, how long it was idle
//
// So a free or a reuse of a large block touches its shard's lines alone; Learning::tell() hands all of
// it to the learner, at the tick or when a bound is reached.
//
// Invariants:
//   (1) counts[c].told <= counts[c].freed (they wrap round together);
//   (2) what is here is bounded: kReuses reuses, kMostAtOnce at once for each context.
//
// Above: learning, idle shards. Below: learn, looks. No locks: the shard has one.
#pragma once

#include <cstdint>

#include "base/bits.hpp"
#include "learn/learner.hpp"
#include "learn/stack_rule.hpp"
#include "thread/looks.hpp"

namespace hakmem {

// How long a block was idle, and what of that nobody looked in.
struct IdleTime {
  std::uint64_t ms = 0;
  Looks::Pause unwatched;  // the one in it that mattered most
};

class Notes {
 public:
  static constexpr unsigned kReuses = 64;
  // What one decision period tells the learner at most: the rest is more of the same.
  static constexpr std::uint32_t kMostAtOnce = 32;

  struct Counts {
    std::uint32_t freed = 0;   // all of this shard
    std::uint32_t told = 0;    // of them
    std::uint32_t reused = 0;  // told to come, here and below
    std::uint32_t uses = 0;    // of them, those in hands counted one by one
    learn::Site at_once_site = 0;
    std::uint32_t at_once = 0;
  };

  struct Reuse {
    learn::Site site;
    std::uint32_t idle_ms;
    std::uint32_t unwatched_from_ms;
    std::uint32_t unwatched_to_ms;
    learn::ContextId context;
    std::uint8_t size_class;
    std::uint8_t count;
  };

  // True when the context's frees have doubled since it was last true.
  bool note_freed(learn::ContextId context) {
    has_any_ = true;
    return is_power_of_two(++of(context).freed);
  }

  void note_reused(learn::ContextId context, std::uint32_t uses) {
    has_any_ = true;
    of(context).reused += 1;
    of(context).uses += uses;
  }

  void note_at_once(learn::ContextId context, learn::Site site, std::uint32_t count) {
    Counts& counts = of(context);
    counts.at_once_site = site;
    counts.at_once = count < kMostAtOnce - counts.at_once ? counts.at_once + count : kMostAtOnce;
  }

  // There is room while is_full() has not been true.
  void add(const Reuse& reuse) { reuse_[reuses_++] = reuse; }
  bool is_full() const { return reuses_ == kReuses; }

  bool has_any() const { return has_any_; }

  // Calls tell(context, counts) for each of the first `contexts`, which is to leave counts that have
  // been told, then observe(reuse); then there are none.
  template <typename Tell, typename Observe>
  void hand_over(std::size_t contexts, Tell tell, Observe observe) {
    for (std::size_t i = 0; i < contexts; ++i) tell(static_cast<learn::ContextId>(i), counts_[i]);
    for (unsigned i = 0; i < reuses_; ++i) observe(reuse_[i]);
    reuses_ = 0;
    has_any_ = false;
  }

  // A rule in place of arms goes by this shard's stacks.
  learn::StackRule rule;

 private:
  Counts& of(learn::ContextId context) { return counts_[index_of(context)]; }

  bool has_any_ = false;
  unsigned reuses_ = 0;
  Reuse reuse_[kReuses] = {};
  Counts counts_[learn::ContextTable::kSlots] = {};
};

}  // namespace hakmem
