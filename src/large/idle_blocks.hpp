// Idle blocks: large and huge blocks that were freed and wait, as they are, to be used again.
//
//   class 64K    | bottom ....... top |       newest on top: the next malloc of that class takes it
//   class 128K   |      ......        |
//   ...          class 1G and more
//
// How long an entry keeps its pages is its arm's decision (learn/arms.hpp): they stay, are lazily
// freed, or go back. An entry whose pages have gone stays in its stack as a mark of when a block was
// freed, since the next malloc that comes down to it tells what every arm would have cost.
//
// Blocks are as long as their class, so any one of a stack serves any request of it; what the program
// does not touch of a block was never resident. Before slabs or blocks of another length touch fresh
// pages, the oldest idle blocks that are not much longer coalesce in the run store, where those find
// theirs (lend): so memory does not grow while some of it is idle.
//
// Invariants:
//   (1) an entry's run is tagged kBusy and linked nowhere else; a second free of it finds no block;
//   (2) held_ is the sum of the lengths of all runs here, lazy_ of those that are lazily freed;
//   (3) no entry with a run is due before large_due_ms, but for ticks that would follow too closely,
//   and where the release budget (pages/release_budget.hpp) has recovered meanwhile.
//
// Above: large. Below: learn, run store. Any thread; one lock (rank kLarge), held for the pages of a
// block that are lazily freed, but not while pages are returned.
#pragma once

#include "base/lock.hpp"
#include "large/give_back.hpp"
#include "large/learning.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

// How long a block for a request of `bytes` is: as its class, and whole granules.
std::size_t large_length(std::size_t bytes);

struct IdleUse {
  std::size_t resident_bytes;
  std::size_t lazy_bytes;
  std::uint64_t releases;
  std::uint64_t reuses;
  std::uint64_t late_reuses;  // of them, those whose pages had gone
  std::uint64_t refault_bytes;  // the length of those
};

class IdleBlocks {
 public:
  // A run for a request of `bytes` that starts on a multiple of `alignment`, or nullptr. `soon` is set
  // when it was freed a moment ago, and its class is worth holding for as long as a hand does.
  Run* take(std::size_t bytes, std::size_t alignment, bool* soon);
  Run* take(std::size_t bytes, std::size_t alignment = kGranuleBytes);

  // A run that left a stack of its own, a hand, was used so often, each time after about `idle_ms`.
  // False: its class is not worth a hand any more.
  bool note_reuses(const Run* run, std::uint32_t uses, std::uint64_t idle_ms);

  // The node's oldest blocks coalesce, about `bytes` of them. False: there are none of a fitting length.
  bool lend(std::size_t bytes, os::Node node);

  // A block that is a mapping of its own is about to be made: the oldest one goes.
  void make_room();

  // The run is idle from now on.
  void keep(Run* run, std::uint64_t now_ms);

  // Gives back what is due, and lets arms change.
  void tick(std::uint64_t now_ms);

  // Gives everything back, the oldest first.
  void give_all_back();

  // Adds to `into` what `recorded` has, and the blocks that wait now: nobody may use them again.
  void add_evidence(const learn::Profile& recorded, learn::Profile& into);

  std::size_t held_bytes() const { return held_.load_relaxed(); }
  IdleUse use() const;

  // For reports, under the lock: calls see_block(run, context, is_lazy) for every entry that has pages,
  // then see_learning().
  template <typename SeeBlock, typename SeeLearning>
  void look(SeeBlock see_block, SeeLearning see_learning);

  bool lock_is_mine() const { return lock_.is_mine(); }
  void lock_for_fork(bool patient) { lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) { lock_.unlock_after_fork(in_child); }

 private:
  static constexpr unsigned kDepth = 1024;  // entries a class; the bottom one makes room
  static constexpr unsigned kBatch = 32;

  struct Entry {
    Run* run;  // nullptr: its pages have gone
    std::uint64_t freed_at_ms;
    learn::Site site;
    learn::ContextId context;
    bool is_lazy;
  };

  struct Stack {
    Entry entry[kDepth];
    std::uint16_t bottom;
    std::uint16_t count;
    std::uint16_t unneeded;  // lowest entries that a stack rule gives back at this tick

    Entry& at(unsigned position) { return entry[(bottom + position) % kDepth]; }
    Entry& top() { return at(count - 1U); }
  };

  std::size_t resident_locked() const { return held_.load_relaxed() - lazy_.load_relaxed(); }
  static bool is_worth_a_hand(const learn::Arm& arm);
  Entry* lender_locked(Stack& stack, std::size_t bytes, std::size_t alignment) HAK_REQUIRES(lock_);
  static void move_pages_down(const Entry& top, Entry& lender);
  Run* oldest_locked(unsigned classes, const os::Node* only = nullptr) HAK_REQUIRES(lock_);
  void push_locked(unsigned size_class, Run* run, std::uint64_t now_ms) HAK_REQUIRES(lock_);
  Run* detach_locked(Entry& entry) HAK_REQUIRES(lock_);
  Run* drop_bottom_locked(unsigned size_class) HAK_REQUIRES(lock_);
  void free_lazily_locked(Entry& entry) HAK_REQUIRES(lock_);
  void free_lazily_over_limit_locked() HAK_REQUIRES(lock_);
  void note_due_locked(std::uint64_t at_ms) HAK_REQUIRES(lock_);
  unsigned collect_due_locked(std::uint64_t now_ms, Run** batch) HAK_REQUIRES(lock_);
  std::uint64_t gone_at_locked(const Entry& entry) HAK_REQUIRES(lock_);
  void settle_locked(Entry& entry, std::uint64_t now_ms, bool at_once, Run** gone) HAK_REQUIRES(lock_);
  bool is_time_to_measure_locked(std::uint64_t now_ms) HAK_REQUIRES(lock_);
  void update_costs();
  void tell_what_is_idle_locked(std::uint64_t now_ms) HAK_REQUIRES(lock_);
  void ask_stack_rule_locked() HAK_REQUIRES(lock_);

  Lock lock_{LockRank::kLarge};
  Stack stacks_[learn::kLargeClasses] HAK_GUARDED_BY(lock_) = {};
  Atomic<std::size_t> held_{0};     // written under the lock
  Atomic<std::size_t> lazy_{0};     // the same
  Atomic<std::uint64_t> releases_{0};
  Atomic<std::uint64_t> reuses_{0};
  Atomic<std::uint64_t> late_reuses_{0};
  Atomic<std::uint64_t> refault_bytes_{0};
  std::uint64_t measure_due_ms_ HAK_GUARDED_BY(lock_) = 0;
  std::uint64_t decided_at_ms_ HAK_GUARDED_BY(lock_) = 0;
  std::uint64_t next_tick_ms_ HAK_GUARDED_BY(lock_) = 0;
};

template <typename SeeBlock, typename SeeLearning>
void IdleBlocks::look(SeeBlock see_block, SeeLearning see_learning) {
  const LockGuard guard(lock_);
  for (Stack& stack : stacks_) {
    for (unsigned position = 0; position < stack.count; ++position) {
      const Entry& entry = stack.at(position);
      if (entry.run != nullptr) see_block(*entry.run, entry.context, entry.is_lazy);
    }
  }
  see_learning();
}

extern IdleBlocks idle_blocks;

}  // namespace hakmem
