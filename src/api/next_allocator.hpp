// Next allocator: what becomes of pointers that this allocator did not hand out.
//
// Blocks from before the preload, or from a library that calls the C library's malloc by another
// way, belong to the allocator that would have been asked without us: they are handed to it. Without
// one (static linking) the pointer is reported, once, and left alone.
#pragma once

#include <cstddef>

namespace hakmem {

// free() of such a pointer; defined for the layers below as free_unknown() (large/large.hpp).
std::size_t next_usable_size(const void* block);

// nullptr (and nothing changed) when there is no next allocator, or it has no memory.
void* next_reallocate(void* block, std::size_t size);

}  // namespace hakmem
