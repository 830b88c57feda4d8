// Hand: a few large blocks that a thread has just freed, for its next malloc.
//
//   hand.place[class]   | top | below 0 | below 1 | below 2 |   credit
//
// Of the top there are the run and the block's address: what the next malloc returns is what free
// was given, so that a pair of them waits for one load of what was stored, not for two look-ups
// besides.
//
// Taking the top and putting one there are plain loads and stores: no lock, no locked operation, no
// clock. A place has room only where the same thread has lately used a block of the class again at
// once, and the learner holds such blocks for longer than hands.cpp waits between two looks. A
// place has credit for a number of takes; then its thread tells the learner and does what is due.
//
// A thread goes to its hand through a gate, where it finds no_hand, which has no room, while it has
// none or somebody else is emptying it. Anybody may empty the hand of a thread that sleeps
// (hands.hpp):
//
//   thread:  busy = 1; hand = open;          others:  open = no_hand; barrier in every thread;
//            use its places; busy = 0                 if busy: another time; else empty it;
//                                                     open = hand
//
// Without that barrier on the thread's side both could go on: its store to busy may still wait in
// its core while it reads `open`. os::process_barrier() makes the store visible or the next read
// fresh (docs/concurrency.md).
//
// Invariants:
//   (1) a run here is tagged kBusy: a second free finds no block; a huge one stays linked as in
//   use; (2) a place has runs of its class, at least as long as it, of no user's heap; (3) blocks
//   and room together are the capacity, <= kSlots, and hands.granted() covers all capacities;
//   (4) at any moment, as a fork may find it, no run is in a place twice; (5) none has room to grow
//   (room.hpp): who takes it takes all of it for its program's.
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

class HandGate;

// run == nullptr: none.
struct InHand {
  Run* run;
  void* block;  // its start
};

class alignas(kCacheLine) Hand {
 public:
  static constexpr unsigned kSlots = 4;

 private:
  friend class HandGate;
  friend class Hands;

  // What a place's top is where it is no run.
  static constexpr std::uintptr_t kNoRoom = 0;
  static constexpr std::uintptr_t kEmpty = 1;

  struct alignas(kCacheLine) Place {
    Atomic<std::uintptr_t> top;  // the newest block's run
    Atomic<void*> top_block;
    Atomic<Run*> below[kSlots - 1];
    Atomic<std::uint64_t> renewed_at_ms;
    Atomic<std::int32_t> credit;  // takes until the thread has to renew it
    Atomic<std::uint32_t> seen;   // sign() at the last look; written under the lock of Hands
    Atomic<std::uint16_t> renewals;
    Atomic<std::uint16_t> given;  // the credit it began with
    Atomic<std::uint8_t> below_count;
    Atomic<std::uint8_t> below_capacity;

    unsigned count() const { return (top.load_relaxed() > kEmpty) + below_count.load_relaxed(); }
    unsigned capacity() const {
      return (top.load_relaxed() != kNoRoom) + below_capacity.load_relaxed();
    }

    // Another one after every use of the place: | renewals (16) | credit (12) | blocks (4) |
    std::uint32_t sign() const {
      return (std::uint32_t{renewals.load_relaxed()} << 16) +
             (std::uint32_t(credit.load_relaxed()) << 4) + count();
    }
    static std::uint32_t renewals_in(std::uint32_t sign) { return sign >> 16; }
    static std::uint32_t credit_in(std::uint32_t sign) { return (sign >> 4) & 0xFFF; }

    template <typename See>
    void for_each_newest_first(See see) const {
      if (const std::uintptr_t run = top.load_relaxed(); run > kEmpty)
        see(*reinterpret_cast<Run*>(run));
      for (unsigned i = below_count.load_acquire(); i-- != 0;) see(*below[i].load_relaxed());  // pairs with put_any()
    }

    bool make_room();
    void expect_turn(std::uint64_t now_ms);
    void begin_turn(unsigned takes, std::uint64_t now_ms);
    InHand take_top();
    InHand take_any();
    bool put_top(Run* run, void* block);
    bool put_any(Run* run, void* block);
  };
  static_assert(sizeof(Place) == kCacheLine);

  Place places_[learn::kLargeClasses];  // first: a place is found without an addition
  Link<Hand> in_all_;                   // of threads that live; under the lock of Hands
  HandGate* gate_ =
      nullptr;  // its thread's; nullptr: a thread that this process, a fork's child, does not have

 public:
  Atomic<Hand*> next;  // in the pool of unused records
};

// Nobody's: it has no room.
inline constinit Hand no_hand;

class HandGate {
 public:
  // The newest block; none: it has to be looked for below, or the place's credit is spent.
  InHand take(unsigned size_class) {
    const InHand taken = enter().places_[size_class].take_top();
    leave();
    return taken;
  }

  // False: the top has a block, or there is no room.
  bool put(unsigned size_class, Run* run, void* block) {
    const bool done = enter().places_[size_class].put_top(run, block);
    leave();
    return done;
  }

  // The same, wherever in the place.
  InHand take_any(unsigned size_class) {
    const InHand taken = enter().places_[size_class].take_any();
    leave();
    return taken;
  }
  bool put_any(unsigned size_class, Run* run, void* block) {
    const bool done = enter().places_[size_class].put_any(run, block);
    leave();
    return done;
  }

 private:
  friend class Hands;

  Hand& enter() {
    busy_.store_relaxed(true);
    compiler_barrier();            // the core's part is done by os::process_barrier() in Hands
    return *open_.load_acquire();  // pairs with Hands reopening it
  }
  void leave() { busy_.store_release(false); }  // pairs with Hands looking whether it is busy

  Atomic<bool> busy_{false};
  Atomic<Hand*> open_{&no_hand};
  Hand* own_ = nullptr;  // nullptr until the thread has reused a block
};

inline constinit thread_local HandGate hand_gate;

inline InHand Hand::Place::take_top() {
  const std::uintptr_t run = top.load_relaxed();
  if (HAK_UNLIKELY(run <= kEmpty)) return {nullptr, nullptr};
  const std::int32_t left = credit.load_relaxed() - 1;
  if (HAK_UNLIKELY(left < 0)) return {nullptr, nullptr};
  credit.store_relaxed(left);
  top.store_relaxed(kEmpty);
  return {reinterpret_cast<Run*>(run), top_block.load_relaxed()};
}

inline bool Hand::Place::put_top(Run* run, void* block) {
  if (HAK_UNLIKELY(top.load_relaxed() != kEmpty)) return false;
  top.store_relaxed(reinterpret_cast<std::uintptr_t>(run));
  top_block.store_relaxed(block);
  return true;
}

// The last class has blocks of any length, so it has no place in a hand, and neither has a user's heap: destroying it
// would not find them there. See set_hand_class() (room.hpp).
inline constexpr unsigned kNoHand = learn::kLargeClasses - 1;

}  // namespace hakmem
