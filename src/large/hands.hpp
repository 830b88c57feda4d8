// Hands: every thread's hand (hand.hpp), who gets room in one, and how what waits there comes out.
//
//   malloc finds an idle block of its class, freed a moment ago --> grant: room for one more there
//   a hand's credit is spent                                    --> renew: the clock, the learner; slow ones lose their room
//   four times a second, or when memory is wanted               --> collect: the places that hardly anybody
//                                                                   has used since the last look
//
// All room together is at most knobs::kHandBytes, whatever the number of threads; among many heaps what is granted further,
// knobs::kHandBytesPerCpu for each processor.
//
// Above: idle_blocks, large. Below: hand, metadata, os. Any thread; one lock (rank kLarge), which
// the paths of hand.hpp do not take.
#pragma once

#include "base/lock.hpp"
#include "large/hand.hpp"
#include "os/process_barrier.hpp"

namespace hakmem {

class Hands {
 public:
  // How long a block may wait before anybody looks; arms that hold for less than kLeastHold_s keep
  // their blocks out of hands.
  static constexpr std::uint64_t kLookMs = 250;

  // A use of the idle blocks instead of the hand costs some 600 instructions: less than 0.02 % of a processor where the uses
  // of a class are further apart. What waits in a hand nobody else can use.
  static constexpr std::uint64_t kMostApartMs = 1;

  static constexpr float kLeastHold_s = 0.3f;

  // Room for one more block of the class in the calling thread's hand, if the bounds allow.
  void grant(unsigned size_class, std::uint64_t now_ms);

  struct Turn {
    bool is_due = false;         // the place has blocks and had no credit left
    bool is_slow = false;        // its uses were more than kMostApartMs apart
    std::uint32_t uses = 0;      // how often the class was taken since the turn before
    std::uint64_t idle_ms = 0;   // how long its blocks have waited in between, on average and at the most likely
  };

  // New credit for the calling thread's place, when it has run out. The quicker it is used, the
  // more; most where nothing waits that turns have to look after.
  Turn renew(unsigned size_class, std::uint64_t now_ms, bool nothing_waits);

  // Takes out what has waited since the last look, or was hardly used, or with `all` everything, but what a thread is
  // handling just now: runs linked by Run::next, each with freed_at_ms.
  Run* collect(std::uint64_t now_ms, bool all);

  // The calling thread's place, of which it gets nothing more until the next grant().
  Run* empty_own(unsigned size_class, std::uint64_t now_ms);

  // The calling thread's whole hand, for good.
  Run* leave(std::uint64_t now_ms);

  // 0: all hands are empty.
  std::size_t granted() const { return granted_.load_relaxed(); }

  // For reports: calls see(run) for every block in a hand, but for hands that threads are handling just now. The
  // hands are closed meanwhile, so nobody has the block or its record.
  template <typename See>
  void look(See see);

  bool lock_is_mine() const { return lock_.is_mine(); }
  bool lock_for_fork(bool patient) { return lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child);

 private:
  using Place = Hand::Place;

  Hand* make_own();
  static bool is_stale(const Place& place);
  static bool has_stale(const Hand& hand, bool all);
  template <typename Closes>
  bool close_locked(Closes closes) HAK_REQUIRES(lock_);
  static void reopen(Hand& hand);
  static bool is_closed_and_unused(const Hand& hand, bool passed_barrier);
  static void note_seen(Hand& hand);
  Run* empty_place(unsigned size_class, Place& place, std::uint64_t freed_at_ms, Run* chain)
      HAK_REQUIRES(lock_);
  Run* empty_stale(Hand& hand, bool all, std::uint64_t now_ms, Run* chain) HAK_REQUIRES(lock_);

  Lock lock_{LockRank::kLarge};
  List<Hand, &Hand::in_all_> all_ HAK_GUARDED_BY(lock_);
  std::uint64_t looked_at_ms_ HAK_GUARDED_BY(lock_) = 0;
  Atomic<std::size_t> granted_{0};  // written under the lock
  Atomic<int> can_collect_{-1};     // -1: not known yet
};

// Closes those hands; whether every thread has passed a barrier since.
template <typename Closes>
bool Hands::close_locked(Closes closes) {
  bool any = false;
  for (Hand* hand = all_.front(); hand != nullptr; hand = all_.next(hand)) {
    if (!closes(*hand)) continue;
    if (hand->gate_ != nullptr) hand->gate_->open_.store_relaxed(&no_hand);
    any = true;
  }
  return any && os::process_barrier();
}

template <typename See>
void Hands::look(See see) {
  const LockGuard guard(lock_);
  const bool passed_barrier = close_locked([](const Hand& hand) { return has_stale(hand, true); });
  for (Hand* hand = all_.front(); hand != nullptr; hand = all_.next(hand)) {
    if (is_closed_and_unused(*hand, passed_barrier)) {
      for (const Place& place : hand->places_) place.for_each_newest_first(see);
    }
    reopen(*hand);
  }
}

extern Hands hands;

}  // namespace hakmem
