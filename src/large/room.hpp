// Room: the part of a block that has pages which others have touched, and which its program has not asked for yet.
//
//   idle block   |#########################|
//   grown into   | the program's | room ###|     it may grow to its end without a fault; meanwhile nobody else has those pages
//
// Nobody knows that it will, so all blocks together have no more of it than about a quarter of what is committed, or kLeast.
//
// Above: resize, states, huge. Below: commitment. Any thread, for a block that it holds.
#pragma once

#include "base/atomics.hpp"
#include "large/hand.hpp"
#include "large/huge.hpp"
#include "pages/commitment.hpp"

namespace hakmem {

inline constinit Atomic<std::size_t> resident_room{0};

// Address space is counted, by a limit or because there is little: no room but the usual.
inline bool room_is_dear() { return !page_map.is_flat() || commitment.soft() != SIZE_MAX; }

// How much more there may be.
inline std::size_t room_left() {
  constexpr std::size_t kLeast = 32 * kMiB;
  const std::size_t share = commitment.bytes() / 4;
  const std::size_t most = share < kLeast ? kLeast : share;
  const std::size_t now = resident_room.load_relaxed();
  return now < most ? most - now : 0;
}

inline std::size_t room_of(const Run* run) {
  return run->bytes() - (run->is_huge() ? usable_bytes_of_huge(run) : run->block_bytes.load_relaxed());
}

// After its length, what it uses of that, or its heap has changed. A block with room would keep it in a hand.
inline void set_hand_class(Run* run) {
  const bool may_wait = run->heap.load_relaxed() == kNoOwner && room_of(run) == 0;
  run->hand_class = static_cast<std::uint8_t>(may_wait ? class_served_by(run->bytes()) : kNoHand);
}

// Of a block that nothing changes until end_room(): what it does not use counts.
inline void begin_room(Run* run) {
  run->has_room = room_of(run) != 0;
  resident_room.fetch_add_relaxed(room_of(run));
}

// Before its length, or what it uses of that, changes, or it is no block any more. True: it had room.
inline bool end_room(Run* run) {
  if (!run->has_room) return false;
  run->has_room = false;
  resident_room.fetch_sub_relaxed(room_of(run));
  return true;
}

}  // namespace hakmem
