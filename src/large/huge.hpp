// Huge: blocks that are mappings of their own. See large.hpp for the invariants.
//
// Above: large. Below: page map, os. Any thread.
#pragma once

#include "large/large.hpp"

namespace hakmem {

LargeBlock make_huge(std::size_t size, std::size_t alignment, OwnerId heap);
void destroy_huge(Run* run);
void destroy_huge_of(OwnerId heap);

// nullptr: no memory; nothing has changed.
void* resize_huge(Run* run, std::size_t size);

// Turns a large block into a huge one of `size` bytes, by moving its pages. nullptr: it cannot.
void* move_to_huge(Run* run, std::size_t size);

}  // namespace hakmem
