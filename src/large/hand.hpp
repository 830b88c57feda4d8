// Hand: a few large blocks that a thread has just freed, for its next malloc.
//
//   hand.place[class]   | slot 0 | slot 1 | slot 2 | slot 3 |   state: | credit | room | count |
//
// Taking one and putting one are plain loads and stores: no lock, no locked operation, no clock. A
// place has capacity only where the same thread has lately used a block of the class again at once,
// and the learner holds such blocks for longer than hands.cpp waits between two looks. A place has
// credit for a number of takes; then its thread tells the learner and does what is due.
//
// Anybody may empty a hand whose thread sleeps (hands.hpp):
//
//   thread:  busy = 1; if closed: leave it be     others:  closed = 1; barrier in every thread;
//            use the places; busy = 0                      if busy: another time; else empty it;
//            closed = 0
//
// Without that barrier on the thread's side both could go on: its store to busy may still wait in
// its core while it reads closed. os::process_barrier() makes the store visible or the next read
// fresh (docs/concurrency.md).
//
// Invariants:
//   (1) a run here is tagged kBusy: a second free finds no block; a huge one stays linked as in
//   use; (2) slots below count have runs of the place's class, at least as long as it, of no user's
//   heap; (3) count + room is the capacity, <= kSlots, and hands.granted() covers all capacities.
//
// Above: large. Below: run. The thread whose hand it is; others through Hands.
#pragma once

#include "base/atomics.hpp"
#include "base/check.hpp"
#include "base/list.hpp"
#include "base/units.hpp"
#include "large/request_class.hpp"
#include "pages/run.hpp"

namespace hakmem {

class alignas(kCacheLine) Hand {
 public:
  static constexpr unsigned kSlots = 4;

  // False: there is none, or its credit is spent.
  bool take(unsigned size_class, Run** run) {
    if (!enter()) return false;
    Place& place = places_[size_class];
    const std::uint32_t left = place.state.load_relaxed() - kOneCredit + kOneRoom - 1;
    const bool has_one = HAK_LIKELY((left & (kNoCredit | kNoBlock)) == 0);
    if (has_one) {
      *run = place.slot[left % kOneRoom].load_relaxed();
      place.state.store_relaxed(left);
    }
    leave();
    return has_one;
  }

  // False: there is no room.
  bool put(unsigned size_class, Run* run) {
    if (!enter()) return false;
    Place& place = places_[size_class];
    const std::uint32_t more = place.state.load_relaxed() - kOneRoom + 1;
    const bool has_room = HAK_LIKELY((more & kNoRoom) == 0);
    if (has_room) {
      place.slot[std::size_t{more % kOneRoom} - 1].store_relaxed(run);
      place.state.store_relaxed(more);
    }
    leave();
    return has_room;
  }

 private:
  friend class Hands;

  // The three parts of a state: blocks, places for more, and takes until the thread has to renew it.
  // Each part's highest bit is set only where one was taken from a part that was 0.
  static constexpr std::uint32_t kOneRoom = 1U << 8;
  static constexpr std::uint32_t kOneCredit = 1U << 16;
  static constexpr std::uint32_t kNoBlock = kOneRoom / 2;
  static constexpr std::uint32_t kNoRoom = kOneCredit / 2;
  static constexpr std::uint32_t kNoCredit = 1U << 31;

  struct alignas(kCacheLine) Place {
    Atomic<Run*> slot[kSlots];
    Atomic<std::uint32_t> state;
    Atomic<std::uint32_t> renewals;
    Atomic<std::uint64_t> renewed_at_ms;
    Atomic<std::uint64_t> seen;  // sign() at the last look; written under the lock of Hands
    Atomic<std::uint8_t> given;  // the credit it began with

    unsigned count() const { return state.load_relaxed() % kOneRoom; }
    unsigned room() const { return state.load_relaxed() % kOneCredit / kOneRoom; }
    unsigned credit() const { return state.load_relaxed() / kOneCredit; }
    unsigned capacity() const { return count() + room(); }

    // Another one after every use of the place.
    std::uint64_t sign() const { return (std::uint64_t{renewals.load_relaxed()} << 32) + state.load_relaxed(); }
  };

  bool enter() {
    busy_.store_relaxed(true);
    compiler_barrier();  // the core's part is done by os::process_barrier() in Hands
    if (HAK_LIKELY(!closed_.load_acquire())) return true;  // pairs with Hands reopening it
    leave();
    return false;
  }
  void leave() { busy_.store_release(false); }  // pairs with Hands looking whether it is busy

  Place places_[learn::kLargeClasses];  // first: a place is found without an addition
  Link<Hand> in_all_;                   // of threads that live; under the lock of Hands
  Atomic<bool> busy_{false};
  Atomic<bool> closed_{false};

 public:
  Atomic<Hand*> next;  // in the pool of unused records
};

// To be called whenever the length or the heap of a block in use has changed. The last class has
// blocks of any length, so it has no place in a hand, and neither has a user's heap: destroying it
// would not find them there.
inline constexpr unsigned kNoHand = learn::kLargeClasses - 1;
inline void set_hand_class(Run* run) {
  const bool may_wait = run->heap.load_relaxed() == kNoOwner;
  run->hand_class = static_cast<std::uint8_t>(may_wait ? class_served_by(run->bytes()) : kNoHand);
}

// The calling thread's; nullptr until it has reused a block.
inline constinit thread_local Hand* thread_hand = nullptr;

}  // namespace hakmem
