// Measure costs: what giving pages back and touching them again costs here and now.
//
// On a granule of its own, 130 faults in all; the best of a few rounds, since
// whatever comes in between only makes a round slower. The constants move with the load of the host,
// so idle_blocks asks again every minute, from when the process has lived for ten seconds or its bill
// is a hundred times what measuring takes; and known_costs does once, when the heap has grown.
//
// Above: known_costs, idle_blocks. Below: os. Any thread; not on a path of malloc or free that a program waits for
// more than once a minute.
#pragma once

#include "learn/costs.hpp"

namespace hakmem {

// `model` with what could be measured in place of what it said; nothing changes without memory.
learn::CostModel measure_costs(learn::CostModel model);

}  // namespace hakmem
