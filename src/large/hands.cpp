#include "large/hands.hpp"

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "large/site_keys.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"
#include "thread/registry.hpp"

namespace hakmem {

constinit Hands hands;

namespace {

// A place that is used all the time has a turn once in so many takes; a turn is some 600 instructions. Where nobody else does what
// is due, turns must not become rare when the program slows down.
constexpr unsigned kMostCredit = 64;
constexpr unsigned kMostCreditAtOnce = 512;
constexpr std::uint64_t kTurnAtOnceMs = 10;

// 0 uses: the place lost its room meanwhile.
unsigned next_credit(unsigned uses, bool may_be_rare) {
  const unsigned most = may_be_rare ? kMostCreditAtOnce : kMostCredit;
  const unsigned more = uses == 0 ? 1 : 2 * uses;
  return more < most ? more : most;
}

constinit Pool<Hand> pool;

std::size_t most_granted() {
  if (HAK_LIKELY(!many_heaps())) return knobs::kHandBytes;
  return clamp_size(knobs::kHandBytesPerCpu * os::places.cpus(), 0, knobs::kHandBytes);
}

std::size_t bytes_of_class(unsigned size_class) {
  return align_up(learn::large_class_bytes(size_class), kGranuleBytes);
}

}  // namespace

void Hand::Place::begin_turn(unsigned takes, std::uint64_t now_ms) {
  given.store_relaxed(static_cast<std::uint16_t>(takes));
  renewals.store_relaxed(renewals.load_relaxed() + 1);
  renewed_at_ms.store_relaxed(now_ms);
  credit.store_relaxed(static_cast<std::int32_t>(takes));
}

// Its thread has just taken a block of the class from elsewhere: the next take is the first use, and a turn.
void Hand::Place::expect_turn(std::uint64_t now_ms) {
  given.store_relaxed(1);
  credit.store_relaxed(0);
  renewed_at_ms.store_relaxed(now_ms);
}

// Inline code takes from the top, and has no key for a site: where it should have one, all room is below.
bool Hand::Place::make_room() {
  if (top.load_relaxed() == kNoRoom && !sites_have_keys()) {
    top.store_relaxed(kEmpty);
    return true;
  }
  const unsigned below_now = below_capacity.load_relaxed();
  if (below_now == kSlots - 1) return false;
  below_capacity.store_relaxed(static_cast<std::uint8_t>(below_now + 1));
  return true;
}

InHand Hand::Place::take_any() {
  if (const InHand newest = take_top(); newest.run != nullptr) return newest;
  const std::uint8_t count = below_count.load_relaxed();
  const std::int32_t left = credit.load_relaxed() - 1;
  if (count == 0 || left < 0) return {nullptr, nullptr};
  credit.store_relaxed(left);
  below_count.store_relaxed(count - 1);
  Run* const run = below[count - 1].load_relaxed();
  return {run, run->start()};
}

// In this order: a block on its way down is in no place for a moment, never in two.
bool Hand::Place::put_any(Run* run, void* block) {
  HAK_ASSERT(run->is_huge() || run->hand_class == kNoHand || run->block_bytes.load_relaxed() == run->bytes());
  if (put_top(run, block)) return true;
  Run* lower = run;
  const std::uint8_t count = below_count.load_relaxed();
  if (count == below_capacity.load_relaxed()) return false;
  if (const std::uintptr_t old = top.load_relaxed(); old != kNoRoom) {
    lower = reinterpret_cast<Run*>(old);
    top.store_relaxed(reinterpret_cast<std::uintptr_t>(run));
    top_block.store_relaxed(block);
    compiler_barrier();
  }
  below[count].store_relaxed(lower);
  below_count.store_release(count + 1);  // pairs with for_each_newest_first(), in a fork's child
  return true;
}

// A thread without a heap gets no hand: nobody would take it back when the thread exits.
Hand* Hands::make_own() {
  if (hand_gate.own_ != nullptr) return hand_gate.own_;
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
  hand->gate_ = &hand_gate;
  hand_gate.own_ = hand;
  hand_gate.open_.store_relaxed(hand);
  return hand;
}

void Hands::grant(unsigned size_class, std::uint64_t now_ms) {
  if (size_class == kNoHand || !page_map.is_flat() || commitment.is_over_soft()) return;
  const std::size_t bytes = bytes_of_class(size_class);
  const std::size_t most = most_granted();
  Hand* hand = granted() + bytes > most ? nullptr : make_own();
  if (hand == nullptr) return;
  const LockGuard guard(lock_);  // so nobody has closed it
  Place& place = hand->places_[size_class];
  if (granted() + bytes > most) return;
  const bool is_first = place.capacity() == 0;
  if (!place.make_room()) return;
  if (is_first) {
    place.expect_turn(now_ms);
    place.seen.store_relaxed(~place.sign());  // not stale before it has been seen
  }
  granted_.store_relaxed(granted() + bytes);
}

Hands::Turn Hands::renew(unsigned size_class, std::uint64_t now_ms, bool nothing_waits) {
  if (hand_gate.own_ == nullptr) return {};
  Place& place = hand_gate.own_->places_[size_class];
  if (place.count() == 0 || place.credit.load_relaxed() != 0) return {};
  const unsigned uses = place.given.load_relaxed();
  const std::uint64_t took_ms = now_ms - place.renewed_at_ms.load_relaxed();
  const bool is_open = &hand_gate.enter() == hand_gate.own_;
  if (is_open) place.begin_turn(next_credit(uses, nothing_waits && took_ms <= kTurnAtOnceMs), now_ms);
  hand_gate.leave();
  if (!is_open) return {};
  if (uses == 0) return {.is_due = true};
  return {true, took_ms > uses * kMostApartMs, uses, took_ms / (2 * uses)};
}

Run* Hands::empty_place(unsigned size_class, Place& place, std::uint64_t freed_at_ms, Run* chain) {
  place.for_each_newest_first([&](Run& run) {  // the oldest comes to lie first in the chain
    run.freed_at_ms = freed_at_ms;
    run.next.store_relaxed(chain);
    chain = &run;
  });
  const std::size_t bytes = place.capacity() * bytes_of_class(size_class);
  place.top.store_relaxed(Hand::kNoRoom);
  place.below_count.store_relaxed(0);
  place.below_capacity.store_relaxed(0);
  place.credit.store_relaxed(0);
  place.given.store_relaxed(0);  // what is left of this turn is not told
  granted_.store_relaxed(granted() - bytes);
  return chain;
}

// How often since the last look is known as far as it was within one turn; more turns than one are many uses.
bool Hands::is_stale(const Place& place) {
  constexpr std::uint32_t kFewUses = kLookMs / (4 * kMostApartMs);
  const std::uint32_t seen = place.seen.load_relaxed();
  const std::uint32_t now = place.sign();
  const bool one_turn = Place::renewals_in(seen) == Place::renewals_in(now);
  return place.capacity() != 0 && one_turn && Place::credit_in(seen) - Place::credit_in(now) < kFewUses;
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

bool Hands::is_closed_and_unused(const Hand& hand, bool passed_barrier) {
  if (hand.gate_ == nullptr) return true;
  if (hand.gate_->open_.load_relaxed() != &no_hand) return false;
  const bool mine = hand.gate_ == &hand_gate;  // needs no barrier
  return (passed_barrier || mine) && !hand.gate_->busy_.load_acquire();  // pairs with leave()
}

void Hands::reopen(Hand& hand) {
  if (hand.gate_ != nullptr) hand.gate_->open_.store_release(&hand);  // pairs with enter()
}

Run* Hands::collect(std::uint64_t now_ms, bool all) {
  if (granted() == 0) return nullptr;
  const LockGuard guard(lock_);
  if (!all && now_ms < looked_at_ms_ + kLookMs) return nullptr;
  const bool passed_barrier = close_locked([all](const Hand& hand) { return has_stale(hand, all); });
  Run* chain = nullptr;
  Hand* next = nullptr;
  for (Hand* hand = all_.front(); hand != nullptr; hand = next) {
    next = all_.next(hand);
    if (has_stale(*hand, all) && is_closed_and_unused(*hand, passed_barrier))
      chain = empty_stale(*hand, all, now_ms, chain);
    reopen(*hand);
    note_seen(*hand);
    if (hand->gate_ == nullptr && !has_stale(*hand, true)) {  // nobody's, and empty
      all_.remove(hand);
      pool.give(hand);
    }
  }
  looked_at_ms_ = now_ms;
  return chain;
}

// A thread that is not in the child may have been inside its hand, and its gate goes with its stack.
// What a place has is right at any moment, so anybody may empty it. Unchecked: the lock is held, by
// the fork.
void Hands::unlock_after_fork(bool in_child) HAK_UNCHECKED {
  for (Hand* hand = in_child ? all_.front() : nullptr; hand != nullptr; hand = all_.next(hand)) {
    if (hand->gate_ != &hand_gate) hand->gate_ = nullptr;
  }
  lock_.unlock_after_fork(in_child);
}

Run* Hands::empty_own(unsigned size_class, std::uint64_t now_ms) {
  if (hand_gate.own_ == nullptr) return nullptr;
  const LockGuard guard(lock_);  // so nobody has closed it
  return empty_place(size_class, hand_gate.own_->places_[size_class], now_ms, nullptr);
}

Run* Hands::leave(std::uint64_t now_ms) {
  Hand* hand = hand_gate.own_;
  if (hand == nullptr) return nullptr;
  Run* chain = nullptr;
  {
    const LockGuard guard(lock_);
    all_.remove(hand);
    hand_gate.own_ = nullptr;
    hand_gate.open_.store_relaxed(&no_hand);
    for (unsigned c = 0; c < learn::kLargeClasses; ++c) chain = empty_place(c, hand->places_[c], now_ms, chain);
  }
  pool.give(hand);
  return chain;
}

}  // namespace hakmem
