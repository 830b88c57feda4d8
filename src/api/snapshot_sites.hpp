// Snapshot of sites: which call sites' large blocks have cost most, and where they are.
//
// Above: snapshot_learning. Below: large, learn. Under the lock of idle_blocks.
#pragma once

#include "hakmem/stats.h"

namespace hakmem {

void describe_sites(hak_stats* stats);

}  // namespace hakmem
