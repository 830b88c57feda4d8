// Give back: idle blocks leave, large or huge, to the system or to the run store.
//
// Above: idle_blocks, large. Below: huge, run store, os. Any thread, with no lock of rank kLarge or
// above; the runs are in no list.
#pragma once

#include "pages/run.hpp"

namespace hakmem {

// To the system, pages first.
void give_back(Run* run);

// The same for `count` runs, 64 at most, in as few calls to the kernel as it allows. Sorts them.
void give_back_all(Run** runs, unsigned count);

// To the run store, pages and all: slabs and blocks of other lengths may have them. A mapping goes.
void coalesce(Run* run);

}  // namespace hakmem
