// Stopwatch: adds what its scope has taken to a total. For slow paths.
#pragma once

#include "base/atomics.hpp"
#include "os/clock.hpp"

namespace hakmem::os {

class Stopwatch {
 public:
  using Clock = std::uint64_t (*)();

  Stopwatch(Atomic<std::uint64_t>& total_ns, Clock clock)
      : total_ns_(total_ns), clock_(clock), start_ns_(clock()) {}
  ~Stopwatch() { total_ns_.fetch_add_relaxed(clock_() - start_ns_); }

  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Atomic<std::uint64_t>& total_ns_;
  const Clock clock_;
  const std::uint64_t start_ns_;
};

}  // namespace hakmem::os
