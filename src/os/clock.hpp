// Clock: coarse monotonic time, for decisions whose unit is a tenth of a second.
//
// Reads the vDSO's coarse clock: no system call, about 5 ns, 1 to 10 ms resolution. Slow paths only.
#pragma once

#include <cstdint>

namespace hakmem::os {

// Milliseconds of CLOCK_MONOTONIC_COARSE, plus what a test has added.
std::uint64_t now_ms();

void advance_clock_for_test(std::uint64_t ms);

}  // namespace hakmem::os
