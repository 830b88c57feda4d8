// Large: blocks above 32 KiB. Runs of granules up to 32 MiB, mappings of their own above.
//
//   large   a run of the run store
//   huge    a mapping of its own; realloc moves its pages and reserves half as much again, so that a
//           growing block moves O(log n) times
//
// Both are as long as their size class (idle_blocks.hpp), and wait there when they are freed, for as
// long as learning says (learning.hpp). What of a block is never touched costs address space only.
//
// Invariants:
//   (1) the page map has kLarge or kHuge, and the Run as details, at a block's first granule alone;
//   (2) Run::block_bytes is what malloc_usable_size says of a large one, and all of it may be used; where
//       there is more, it is room to grow (room.hpp);
//   (3) huge runs are linked under the lock (rank kLarge).
//
// Above: api. Below: run store, os. Any thread.
#pragma once

#include "pages/run_store.hpp"

namespace hakmem {

struct LargeBlock {
  void* start;  // nullptr: no memory
  bool zeroed;  // reads zero throughout
};

// `alignment`: a power of two. `heap`: the user's heap it belongs to, or kNoOwner. `caller`: the site
// in the program that the block remembers, if known.
LargeBlock make_large(std::size_t size, std::size_t alignment, OwnerId heap,
                      const void* caller = nullptr);

// Whether a large or huge block starts at this address, whose tag is `tag`.
bool starts_large_block(const void* block, Tag tag);

// Its usable bytes.
std::size_t large_bytes(const void* block);

// Makes it hold `size` bytes (above 32 KiB) where it is or by moving its pages; a huge block is
// copied where the kernel cannot move. nullptr: it cannot be done so; nothing has changed. `caller`: the
// site in the program, if known, whose blocks' growth is learned (growth.hpp).
void* resize_large(void* block, std::size_t size, const void* caller = nullptr);

// Releases every large and huge block of a user's heap.
void destroy_large_of(OwnerId heap);

struct HugeUse {
  std::size_t bytes;
  std::size_t blocks;
};
HugeUse huge_use();

bool large_lock_is_mine();
bool collapse_lock_is_mine();  // locked for fork with the other
bool lock_large_for_fork(bool patient);
void unlock_large_after_fork(bool in_child);

// Defined by api/next_allocator.cpp: a pointer that this allocator did not hand out.
void free_unknown(void* block);

// Defined by api/misuse.cpp: free() of an address inside our memory where no block starts.
void report_bad_free(const void* block);

}  // namespace hakmem
