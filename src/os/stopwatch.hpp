// Stopwatch: adds the CPU time that its scope has taken to a total: two system calls, for slow paths.
#pragma once

#include "base/atomics.hpp"
#include "os/clock.hpp"

namespace hakmem::os {

class Stopwatch {
 public:
  explicit Stopwatch(Atomic<std::uint64_t>& total_ns) : total_ns_(total_ns), start_ns_(thread_cpu_ns()) {}
  ~Stopwatch() { total_ns_.fetch_add_relaxed(thread_cpu_ns() - start_ns_); }

  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Atomic<std::uint64_t>& total_ns_;
  const std::uint64_t start_ns_;
};

}  // namespace hakmem::os
