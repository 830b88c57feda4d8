// Snapshot of the knobs: what the tuner has done to the small and middle tiers, for one record.
//
// Above: snapshot. Below: thread/tuner. Any thread.
#pragma once

#include "hakmem/stats.h"

namespace hakmem {

void count_knobs(hak_stats* stats);

}  // namespace hakmem
