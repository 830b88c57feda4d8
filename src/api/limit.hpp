// Limit: from HAKMEM_LIMIT and HAKMEM_HARD_LIMIT to the bytes that the commitment is held below.
//
//   auto       the lowest of the cgroup's limit, RLIMIT_AS and RLIMIT_DATA; none found: no limit
//   PERCENT%   of that, else of the machine's memory
//
// Above: boot. Below: commitment.
#pragma once

#include <cstddef>

#include "config/knobs.hpp"

namespace hakmem {

// SIZE_MAX: none. `found`: what auto finds, SIZE_MAX where it finds none. `machine`: all its memory.
std::size_t limit_in_bytes(LimitChoice choice, std::size_t found, std::size_t machine);

// Once, from the settings.
void boot_limits();

// Whether the background thread is wanted from the start: idle memory under a limit that was asked for must go back
// although nobody calls. Not under one that was found, as every container has: programs that must have one thread, to fork or to enter
// a namespace, do not start there.
bool limit_wants_background();

}  // namespace hakmem
