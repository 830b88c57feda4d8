// What the thread layer needs of the layers above it, which define these.
#pragma once

#include "pages/page_map.hpp"

namespace hakmem {

// large/large.cpp: `block`, tagged `tag`, is in no slab: a large or huge block, or not ours.
void free_outside_slabs(void* block, Tag tag);

// large/large.cpp: large blocks that nobody has needed for a while, or all idle ones, become free runs.
void trim_large(bool all);
std::size_t large_bytes_cached();

// thread/foreign.cpp: what free_foreign() does when no bundle is ready for the block.
void free_foreign_slow(void* block);

// thread/foreign.cpp: home at once, for a thread that cannot have a heap.
void free_without_heap(void* block);

}  // namespace hakmem
