// States: what a large block's run goes through, in the page map and in the lists.
//
//   new ---> a block ---free---> hidden ---> in a hand, or idle
//               ^------------- reused ----------------'
//
// Above: large, resize. Below: huge, idle blocks, new pages. Any thread, on a run that is its own.
#pragma once

#include "large/large.hpp"

namespace hakmem {

// Of a large or huge block, also a hidden one.
inline Run* run_of(const void* block) { return static_cast<Run*>(page_map.details_of(granule_of(block))); }

// The first `usable` bytes of a run of the store are its program's.
void set_usable(Run* run, std::size_t usable);

// A run of the store is a block of `heap`.
void publish(Run* run, OwnerId heap);

// An idle one is a block again, all of it the program's.
void reuse(Run* run, OwnerId heap);

// A second free of it finds no block.
void hide(Run* run);

// What is hidden, and in no hand, is idle from now on. A user's heap's blocks do not wait: destroying the heap would not find
// them.
void retire(Run* run, std::uint64_t now_ms);

// A chain by Run::next that has left a hand is idle like any other block.
void retire_all(Run* chain);

}  // namespace hakmem
