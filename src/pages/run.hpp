// Run: a number of neighbouring granules, free or in use as one slab or one large block.
//
// Above: slabs, large. Below: metadata. See run_store.hpp for who may touch which field.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/list.hpp"
#include "base/units.hpp"
#include "os/topology.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

struct alignas(kCacheLine) Run {
  Atomic<Run*> next;  // in the pool of unused records
  Link<Run> in_huge;  // huge blocks (under the huge lock)

  // Free runs (under the run lock); freed_at_ms on the way from a hand or out of the idle blocks too (large/).
  Link<Run> in_bin;
  Link<Run> in_age;
  std::uint64_t freed_at_ms = 0;

  // The second cache line: all that malloc and free of a block in a hand touch.
  Granule first{0};
  Granules count{0};
  std::uint64_t dirty = 0;  // of a free run: granules of it that may be resident

  // Runs in use (written by the holder).
  Atomic<OwnerId> heap{kNoOwner};  // the user's heap that a large block belongs to, if any
  Kind kind = Kind::kLarge;       // or kHuge: a mapping of its own
  std::uint8_t hand_class = 0;    // where a large block may wait for its thread (large/hand.hpp)
  bool has_room = false;          // of a large block: some of it that others have touched is not its program's yet (large/room.hpp)
  os::Node node{0};               // whose memory it is, or is wished to be; written by who makes it
  std::uint32_t site = 0;         // who asked for the block (large/large.hpp)
  std::uint32_t new_pages = 0;    // of a large block, that were not resident when it was handed out (large/new_pages.hpp)
  Atomic<std::size_t> block_bytes;  // usable bytes of a large or huge block
  std::uint32_t units_seen = 0;     // of a huge one: for collapsing (under the huge lock)
  std::uint32_t new_from = 0;       // where those pages begin
  std::size_t asked = 0;            // of a huge one: the most that was asked for; beyond is room to grow

  std::byte* start() const { return address_of(first); }
  std::size_t bytes() const { return bytes_of(count); }
  bool holds(Granule g) const { return index_of(g) - index_of(first) < count_of(count); }
  bool is_huge() const { return kind == Kind::kHuge; }
  Tag tag_in_use() const { return tag_for(kind); }
};

static_assert(sizeof(Run) == 2 * kCacheLine);

// Records are recycled through one pool (run_store.cpp); nullptr when there is no memory.
Run* run_pool_take();
void run_pool_give(Run* run);

}  // namespace hakmem
