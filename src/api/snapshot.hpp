// Snapshot: what is held and why, gathered into the public record (include/hakmem/stats.h), and
// kept in the file that HAKMEM_STATS names.
#pragma once

#include "hakmem/stats.h"

namespace hakmem {

// Fills the record. Walks the page map: about 0.1 ms a GiB of heap. Any thread.
void gather_stats(hak_stats* stats);

// Starts keeping the file, if there is to be one.
void start_snapshots();

}  // namespace hakmem
