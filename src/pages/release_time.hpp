// Release time: CPU time spent giving memory back to the kernel, by anyone. For reports.
#pragma once

#include "os/stopwatch.hpp"

namespace hakmem {

inline constinit Atomic<std::uint64_t> release_cpu_ns{0};

// Counts its scope, at least one call to the kernel that returns pages.
class ReleaseTimer : os::Stopwatch {
 public:
  ReleaseTimer() : Stopwatch(release_cpu_ns) {}
};

}  // namespace hakmem
