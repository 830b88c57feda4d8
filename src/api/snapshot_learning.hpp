// Snapshot of learning: idle large blocks, and what the learner has decided and why, for the public record.
//
// Above: snapshot. Below: large, learn.
#pragma once

#include "hakmem/stats.h"

namespace hakmem {

// Fills the fields of idle blocks, of learning and of its contexts. Holds the lock of idle_blocks for
// some 10 us; longer with many idle blocks.
void count_idle_blocks(hak_stats* stats);

}  // namespace hakmem
