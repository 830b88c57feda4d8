// Compact map: the flat page map gives its address space back (pages/page_map.hpp) where that has come to count: below a limit on
// address space that was not there at the start, or as locked memory.
//
// Above: api, last resort. Below: background, page map. Any thread that holds no lock.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"

namespace hakmem {

// Does nothing where others may be reading the map: unless the calling thread is known to be the only one that uses this memory.
// Waits for a thread that has just ended, and for hakmem's own, which it ends and starts again: not to be called from malloc or free.
void make_map_compact();

// For these: where no thread of hakmem's runs, and without a wait.
void make_map_compact_at_once();

// Whether a limit of so many bytes of address space is little beside the map.
bool is_limit_near_map(std::uint64_t limit);

// By how much the kernel's limit on address space is higher than the program's, for the flat map's sake (api/interpose_setrlimit.cpp).
inline constinit Atomic<std::uint64_t> limit_raised_by{0};

}  // namespace hakmem
