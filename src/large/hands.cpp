#include "large/hands.hpp"

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "os/process_barrier.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"
#include "thread/background.hpp"
#include "thread/registry.hpp"

namespace hakmem {

constinit Hands hands;

namespace {

// A place that is used all the time has a turn once in so many takes. Without the background thread
// turns are what does what is due, so they must not become rare when the program slows down.
constexpr unsigned kMostCredit = 64;
constexpr unsigned kMostCreditWatched = 255;
constexpr std::uint64_t kQuickTurnMs = 100;

constinit Pool<Hand> pool;

std::size_t bytes_of_class(unsigned size_class) {
  return align_up(learn::large_class_bytes(size_class), kGranuleBytes);
}

}  // namespace

// A thread without a heap gets no hand: nobody would take it back when the thread exits.
Hand* Hands::make_own() {
  if (thread_hand != nullptr) return thread_hand;
  if (thread_heap() == nullptr) return nullptr;
  int can = can_collect_.load_relaxed();
  if (can < 0) {
    can = page_map.is_flat() && os::prepare_process_barrier() ? 1 : 0;
    can_collect_.store_relaxed(can);
  }
  Hand* hand = can == 1 ? pool.take() : nullptr;
  if (hand == nullptr) return nullptr;
  const LockGuard guard(lock_);
  all_.push_front(hand);
  thread_hand = hand;
  return hand;
}

void Hands::grant(unsigned size_class) {
  if (size_class == kNoHand || commitment.is_over_soft()) return;
  const std::size_t bytes = bytes_of_class(size_class);
  Hand* hand = granted() + bytes > knobs::kHandBytes ? nullptr : make_own();
  if (hand == nullptr) return;
  const LockGuard guard(lock_);  // so nobody has closed it
  Place& place = hand->places_[size_class];
  const unsigned capacity = place.capacity();
  if (capacity == Hand::kSlots || granted() + bytes > knobs::kHandBytes) return;
  if (capacity == 0) place.seen.store_relaxed(~place.sign());  // not stale before it has been seen
  place.state.store_relaxed(place.state.load_relaxed() + Hand::kOneRoom);
  granted_.store_relaxed(granted() + bytes);
}

Hands::Turn Hands::renew(unsigned size_class, std::uint64_t now_ms) {
  Place& place = thread_hand->places_[size_class];
  if (place.count() == 0 || place.credit() != 0) return {false, 0, 0};
  const unsigned uses = place.given.load_relaxed();
  const std::uint64_t took_ms = now_ms - place.renewed_at_ms.load_relaxed();
  const unsigned more = uses == 0 ? 1 : 2 * uses;
  const unsigned most = background_runs() ? kMostCreditWatched : kMostCredit;
  const unsigned credit = took_ms >= kQuickTurnMs ? 1 : more < most ? more : most;
  place.given.store_relaxed(static_cast<std::uint8_t>(credit));
  place.renewals.store_relaxed(place.renewals.load_relaxed() + 1);
  place.renewed_at_ms.store_relaxed(now_ms);
  if (!thread_hand->enter()) return {false, 0, 0};
  place.state.store_relaxed(place.state.load_relaxed() + credit * Hand::kOneCredit);
  thread_hand->leave();
  return {true, uses, uses == 0 ? 0 : took_ms / (2 * uses)};
}

Run* Hands::empty_place(unsigned size_class, Place& place, std::uint64_t freed_at_ms, Run* chain) {
  for (unsigned i = place.count(); i-- != 0;) {  // the oldest comes to lie first in the chain
    Run* run = place.slot[i].load_relaxed();
    run->freed_at_ms = freed_at_ms;
    run->next.store_relaxed(chain);
    chain = run;
  }
  granted_.store_relaxed(granted() - place.capacity() * bytes_of_class(size_class));
  place.state.store_relaxed(0);
  return chain;
}

bool Hands::has_stale(const Hand& hand, bool all) {
  for (const Place& place : hand.places_) {
    if (all ? place.capacity() != 0 : is_stale(place)) return true;
  }
  return false;
}

void Hands::note_seen(Hand& hand) {
  for (Place& place : hand.places_) {
    if (place.capacity() != 0) place.seen.store_relaxed(place.sign());
  }
}

// What has not been used since the last look was freed before it.
Run* Hands::empty_stale(Hand& hand, bool all, std::uint64_t now_ms, Run* chain) {
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    Place& place = hand.places_[c];
    const bool stale = is_stale(place);
    if (all || stale) chain = empty_place(c, place, stale ? looked_at_ms_ : now_ms, chain);
  }
  return chain;
}

Run* Hands::collect(std::uint64_t now_ms, bool all) {
  if (granted() == 0) return nullptr;
  const LockGuard guard(lock_);
  if (!all && now_ms < looked_at_ms_ + kLookMs) return nullptr;
  bool any = false;
  for (Hand* hand = all_.front(); hand != nullptr; hand = all_.next(hand)) {
    if (!has_stale(*hand, all)) continue;
    hand->closed_.store_relaxed(true);
    any = true;
  }
  const bool may_empty = any && os::process_barrier();
  Run* chain = nullptr;
  for (Hand* hand = all_.front(); hand != nullptr; hand = all_.next(hand)) {
    if (hand->closed_.load_relaxed()) {
      // Acquire: pairs with leave().
      const bool mine = hand == thread_hand;  // needs no barrier
      if ((may_empty || mine) && !hand->busy_.load_acquire()) chain = empty_stale(*hand, all, now_ms, chain);
      hand->closed_.store_release(false);  // pairs with enter()
    }
    note_seen(*hand);
  }
  looked_at_ms_ = now_ms;
  return chain;
}

// A thread that is not in the child may have been inside its hand. One word says what a place has,
// so that is right at any moment, and anybody may empty it. Unchecked: the lock is held, by the
// fork.
void Hands::unlock_after_fork(bool in_child) HAK_UNCHECKED {
  for (Hand* hand = in_child ? all_.front() : nullptr; hand != nullptr; hand = all_.next(hand)) {
    if (hand != thread_hand) hand->busy_.store_relaxed(false);
  }
  lock_.unlock_after_fork(in_child);
}

Run* Hands::empty_own_locked(Hand* hand, std::uint64_t now_ms) {
  Run* chain = nullptr;
  for (unsigned c = 0; c < learn::kLargeClasses; ++c)
    chain = empty_place(c, hand->places_[c], now_ms, chain);
  return chain;
}

Run* Hands::empty_own(std::uint64_t now_ms) {
  if (thread_hand == nullptr) return nullptr;
  const LockGuard guard(lock_);  // so nobody has closed it
  return empty_own_locked(thread_hand, now_ms);
}

Run* Hands::leave(std::uint64_t now_ms) {
  Hand* hand = thread_hand;
  if (hand == nullptr) return nullptr;
  thread_hand = nullptr;
  Run* chain = nullptr;
  {
    const LockGuard guard(lock_);
    all_.remove(hand);
    chain = empty_own_locked(hand, now_ms);
  }
  pool.give(hand);
  return chain;
}

}  // namespace hakmem
