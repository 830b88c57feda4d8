#include "os/clock.hpp"

#include <time.h>

#include "base/atomics.hpp"

namespace hakmem::os {

namespace {

Atomic<std::uint64_t> test_offset_ms{0};

std::uint64_t read_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

std::uint64_t now_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000 +
         static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000 + test_offset_ms.load_relaxed();
}

std::uint64_t now_ns() { return read_ns(CLOCK_MONOTONIC); }

std::uint64_t thread_cpu_ns() { return read_ns(CLOCK_THREAD_CPUTIME_ID); }

std::uint64_t process_cpu_ns() { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

void advance_clock_for_test(std::uint64_t ms) { test_offset_ms.fetch_add_relaxed(ms); }

}  // namespace hakmem::os
