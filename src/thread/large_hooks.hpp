// What the thread layer needs of the layers above it, which define these.
#pragma once

#include "base/atomics.hpp"
#include "os/topology.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

// large/large.cpp: by the flat page map `block` lies in the first granule of a large or huge one.
void free_large(void* block);

// large/large.cpp: `block`, tagged `tag`, is in no slab: a large or huge block, or not ours.
void free_outside_slabs(void* block, Tag tag);

// large/large.cpp: idle large blocks that are due go back; or every one, the oldest first.
void tick_large(std::uint64_t now_ms);
void give_back_idle_large();
std::size_t idle_large_bytes();

// large/large.cpp: idle blocks of the node that are not much longer than `bytes` coalesce; false when there are none.
bool lend_idle_large(std::size_t bytes, os::Node node);

// large/large.cpp: shards for so many places, when the topology is known. False: no memory.
bool make_large_shards(unsigned places);

// large/huge.cpp: collapses the next 2 MiB of small pages of a huge block in use, if they are resident. False: there
// are none any more, until it looks again from the start. `collapsed`: whether it has.
bool collapse_next_of_huge(bool* collapsed);
void look_for_dense_huge_again();

// large/large.cpp: the thread exits; what waits in its hand is anybody's.
void leave_large_hand();

// large/large.cpp: takes what waits in hands, and their room, which none has where the page map is compact. False: one is in use.
bool empty_large_hands();

// When the next of them is due; set by large/idle_shard.cpp.
inline constinit Atomic<std::uint64_t> large_due_ms{~std::uint64_t{0}};

// thread/foreign.cpp: what free_foreign() does when no bundle is ready for the block.
void free_foreign_slow(void* block);

// thread/foreign.cpp: home at once, for a thread that cannot have a heap.
void free_without_heap(void* block);

}  // namespace hakmem
