#include "os/clock.hpp"

#include <time.h>

#include "base/atomics.hpp"

namespace hakmem::os {

namespace {

Atomic<std::uint64_t> test_offset_ms{0};
Atomic<std::uint64_t> test_stopped_ms{0};  // 0: it runs

std::uint64_t read_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

std::uint64_t now_ms() {
  const std::uint64_t stopped_ms = test_stopped_ms.load_relaxed();
  const std::uint64_t ms = stopped_ms != 0 ? stopped_ms : read_ns(CLOCK_MONOTONIC_COARSE) / 1'000'000;
  return ms + test_offset_ms.load_relaxed();
}

std::uint64_t now_ns() { return read_ns(CLOCK_MONOTONIC); }

std::uint64_t thread_cpu_ns() { return read_ns(CLOCK_THREAD_CPUTIME_ID); }

std::uint64_t process_cpu_ns() { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

void advance_clock_for_test(std::uint64_t ms) { test_offset_ms.fetch_add_relaxed(ms); }

void stop_clock_for_test() { test_stopped_ms.store_relaxed(now_ms() - test_offset_ms.load_relaxed()); }

void start_clock_for_test() { test_stopped_ms.store_relaxed(0); }

}  // namespace hakmem::os
