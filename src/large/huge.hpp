// Huge: blocks that are mappings of their own. See large.hpp for the invariants.
//
// Above: large. Below: page map, os. Any thread.
#pragma once

#include "large/growth.hpp"
#include "large/large.hpp"

namespace hakmem {

// `site`: who asks.
LargeBlock make_huge(std::size_t size, std::size_t alignment, OwnerId heap, learn::Site site);

// The block is idle: its mapping stays, but nobody finds a block there.
void retire_huge(Run* run);

// It is a block again, of the user's heap `heap`.
void revive_huge(Run* run, OwnerId heap);

// What the program has of it, the rest is room to grow.
void set_asked(Run* run, std::size_t size);

// Memory of blocks, in the store and mappings of their own.
std::size_t large_heap_bytes();

// Returns an idle block's mapping to the kernel.
void unmap_huge(Run* run);

void destroy_huge_of(OwnerId heap);

// nullptr: no memory; nothing has changed. `grower`: the site that asks.
void* resize_huge(Run* run, std::size_t size, Growth::Site grower);

// Turns a large block into a huge one of `size` bytes, by moving its pages. nullptr: it cannot.
// What the program may use of it: without the room to grow.
std::size_t usable_bytes_of_huge(const Run* run);

void* move_to_huge(Run* run, std::size_t size, Growth::Site grower);

}  // namespace hakmem
