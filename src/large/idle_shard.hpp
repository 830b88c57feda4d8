// Idle shard: the idle blocks that the threads of one place have freed, in a stack for each class.
//
// How long an entry keeps its pages is its arm's decision (learn/arms.hpp): they stay, are lazily
// freed, or go back. What is learned from is noted in the shard (notes.hpp).
//
// Invariants:
//   (1) an entry's run is tagged kBusy and linked nowhere else; a second free of it finds no block;
//   (2) use().held_bytes is the sum of the lengths of all runs here, lazy_bytes of those lazily freed;
//   (3) no entry with a run is due before large_due_ms, but for ticks that would follow too closely,
//   and where the release budget (pages/release_budget.hpp) has recovered meanwhile.
//
// Above: idle_blocks, which has all shards. Below: idle stack, learning, run store. Any thread; one lock
// (rank kLarge), held for the pages of a block that are lazily freed, but not while pages are returned.
#pragma once

#include "base/lock.hpp"
#include "large/idle_stack.hpp"
#include "large/learning.hpp"
#include "large/request_class.hpp"

namespace hakmem {

// When the next tick is due. Any thread.
class IdleDue {
 public:
  // A tick at `at_ms`, or as soon after as it may be.
  void note(std::uint64_t at_ms);

  // A tick looks at everything: what is left notes when it is due.
  void begin_tick();
  void end_tick(std::uint64_t next_ms) { next_tick_ms_.store_relaxed(next_ms); }

 private:
  Atomic<std::uint64_t> next_tick_ms_{0};
};

inline constinit IdleDue idle_due;

// Arms may change once in so long.
inline constexpr std::uint64_t kDecideMs = 1000;

struct IdleUse {
  std::size_t held_bytes;
  std::size_t lazy_bytes;
  std::uint64_t releases;
  std::uint64_t reuses;
  std::uint64_t late_reuses;    // of them, those whose pages had gone
  std::uint64_t refault_bytes;  // the length of those

  std::size_t resident_bytes() const { return held_bytes - lazy_bytes; }
};

class alignas(kCacheLine) IdleShard {
 public:
  struct Request {
    unsigned size_class;
    std::size_t bytes;
    std::size_t alignment;
    std::uint64_t now_ms;
    bool in_store = false;  // no mapping of its own
  };

  // Of the first so many classes, of those whose contexts' arms are guesses so many, and of one node's memory if `only`
  // says so.
  struct Selection {
    unsigned classes;
    unsigned guessed_classes;  // at least as many
    const os::Node* only;
  };

  // What keep() could not keep.
  struct Left {
    Run* crowded_out;  // the bottom one of a full stack, or the run itself: resident
    Run* due_at_once;
  };

  // Glances, without the lock.
  const IdleStack& stack(unsigned size_class) const { return stacks_[size_class]; }
  bool is_empty() const { return held_.load_relaxed() == 0; }
  std::size_t resident_bytes() const;
  IdleUse use() const;

  // A run for the request, or nullptr. `soon` is set when it was freed a moment ago, and its class is worth
  // holding for as long as a hand does.
  Run* take(const Request& request, bool* soon);

  // The class has no pages here: who takes from elsewhere uses the block again whose mark is on top. False:
  // there is none.
  bool take_mark(const Request& request);

  // A run of this class that left a hand was used so often, each time after about `idle_ms`, as if it had been watched. False: the
  // class is not worth a hand any more.
  bool note_reuses(unsigned size_class, learn::Site site, std::uint32_t uses, std::uint64_t idle_ms, std::uint64_t now_ms);

  // The run is idle from now on, or goes `at_once`.
  Left keep(Run* run, std::uint64_t now_ms, bool at_once);

  // When the oldest was freed; ~0: there is none.
  std::uint64_t oldest_ms(const Selection& of);

  // Takes out the oldest, up to `most`, that were freed at `until_ms` or before.
  unsigned detach_oldest(const Selection& of, std::uint64_t until_ms, Run** batch, unsigned most);

  // Frees lazily, longest classes and bottom entries first, with what shares a huge page with them, until all
  // shards together have no more than `limit` resident. No entry is looked at twice for it, so a free does so for about one.
  void free_lazily_down_to(std::size_t limit);

  // The steps of a tick. What is noted here is told; a few of the idle blocks of each depth speak for arms;
  // a stack rule says what is to go; what is due is taken out, up to `most`. `seen` grows by the entries
  // looked at.
  void tell(std::uint64_t now_ms);
  void tell_what_is_idle(std::uint64_t now_ms);
  void ask_stack_rule();
  unsigned collect_due(std::uint64_t now_ms, Run** batch, unsigned most, unsigned* seen);

  // As at boot, for a learner that was made anew: no marks on top either.
  void forget_notes_for_test();

  // Calls see(entry) for each that has pages, or every one, under the lock.
  template <typename See>
  void look(bool marks_too, See see);

  bool lock_is_mine() const { return lock_.is_mine(); }
  bool lock_for_fork(bool patient) { return lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) { lock_.unlock_after_fork(in_child); }

 private:
  IdleEntry* lender_locked(IdleStack& stack, const Request& request) HAK_REQUIRES(lock_);
  void reuse_top_locked(IdleStack& stack, const Request& request) HAK_REQUIRES(lock_);
  void note_to_offer_locked(unsigned size_class) HAK_REQUIRES(lock_) { to_offer_ |= std::uint64_t{1} << size_class; }
  Run* detach_locked(IdleStack& stack, IdleEntry& entry) HAK_REQUIRES(lock_);
  static bool selects(const Selection& of, unsigned size_class, const IdleEntry& entry);
  IdleEntry* oldest_locked(const Selection& of, IdleStack** in) HAK_REQUIRES(lock_);
  Run* settle_locked(IdleStack& stack, IdleEntry& entry, std::uint64_t now_ms, bool at_once) HAK_REQUIRES(lock_);
  void note_lazy_locked(IdleEntry& entry) HAK_REQUIRES(lock_);
  void free_lazily_locked(IdleEntry& entry) HAK_REQUIRES(lock_);
  IdleEntry* find_locked(Granule first, Granules most) HAK_REQUIRES(lock_);
  unsigned fill_unit_locked(Granule unit, IdleEntry** entries) HAK_REQUIRES(lock_);
  bool free_unit_lazily_locked(const Run* of) HAK_REQUIRES(lock_);

  Lock lock_{LockRank::kLarge};
  Notes notes_ HAK_GUARDED_BY(lock_);
  IdleStack stacks_[learn::kLargeClasses];
  std::uint64_t to_offer_ HAK_GUARDED_BY(lock_) = 0;  // classes that may have entries to offer for lazy freeing
  // Written under the lock.
  Atomic<std::size_t> held_{0};
  Atomic<std::size_t> lazy_{0};
  Atomic<std::uint64_t> releases_{0};
  Atomic<std::uint64_t> reuses_{0};
  Atomic<std::uint64_t> late_reuses_{0};
  Atomic<std::uint64_t> refault_bytes_{0};
};

// Of all shards: their held bytes without the lazily freed ones. Written under the shards' locks.
inline constinit Atomic<std::size_t> resident_idle_bytes{0};

template <typename See>
void IdleShard::look(bool marks_too, See see) {
  const LockGuard guard(lock_);
  for (IdleStack& stack : stacks_) {
    for (unsigned position = 0; position < stack.count(); ++position) {
      if (marks_too || stack.at(position).run != nullptr) see(stack.at(position));
    }
  }
}

}  // namespace hakmem
