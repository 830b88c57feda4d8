// Clock: monotonic time. The coarse one is for decisions whose unit is a tenth of a second, in slow
// paths: no system call, about 5 ns, 1 to 10 ms resolution. The fine one is for the recorder, and
// for what the allocator spends itself.
#pragma once

#include <cstdint>

namespace hakmem::os {

// Milliseconds of CLOCK_MONOTONIC_COARSE, plus what a test has added.
std::uint64_t now_ms();

// Nanoseconds of CLOCK_MONOTONIC: one order for the events of all threads.
std::uint64_t now_ns();

// Nanoseconds of CPU that the calling thread has had. A system call.
std::uint64_t thread_cpu_ns();
std::uint64_t process_cpu_ns();

void advance_clock_for_test(std::uint64_t ms);

// Until it is started now_ms() moves only as it is advanced.
void stop_clock_for_test();
void start_clock_for_test();

}  // namespace hakmem::os
