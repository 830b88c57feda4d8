// Release budget: giving memory back takes at most a hundredth of the process's CPU time.
//
//   budget  |<-- kMost -->|   + 1 % of the CPU time that the process uses, - what releases take
//           0: used up        (os::process_cpu_ns)                        (release_cpu_ns)
//
// While it is used up, what is due waits for wait_ms() longer, and then goes in larger batches;
// what is used again meanwhile is what saves the time. The wait is the bill's: by then, holding has
// cost as much as giving back would, so waiting never more than doubles what a release costs, and a
// process that sleeps still gives back what it has. Where no background thread would see the end of
// that wait the budget is full after a sleep that was longer (refill), so that a program which gives
// back at once, before it sleeps again, can. Nothing waits for the budget that is asked for by a memory
// limit, a bound on idle memory, malloc_trim or a failing malloc.
//
// Above: run store, idle blocks. Below: atomics. look() by whoever does what is due, one at a time
// is enough; wait_ms() by any thread.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"

namespace hakmem {

class ReleaseBudget {
 public:
  static constexpr std::int64_t kShare = 100;  // of the process's time, one part
  static constexpr std::int64_t kMostNs = 20'000'000;  // so a short command gives back 320 MiB of 4 KiB pages
  static constexpr std::uint64_t kMostWaitMs = 10'000;  // where memory costs next to nothing

  // Whether another look would tell anything; reading a process's CPU time is a system call.
  bool has_changed(std::uint64_t release_ns) const {
    return is_used_up() || release_ns != release_ns_.load_relaxed();
  }

  // Both since the process began.
  void look(std::uint64_t process_ns, std::uint64_t release_ns) {
    const std::uint64_t before_ns = process_ns_.load_relaxed();  // a forked child begins at 0 again
    const auto earned =
        static_cast<std::int64_t>(process_ns < before_ns ? 0 : process_ns - before_ns) / kShare;
    const auto spent = static_cast<std::int64_t>(release_ns - release_ns_.load_relaxed());
    const std::int64_t left = left_ns_.load_relaxed() + earned - spent;
    left_ns_.store_relaxed(left < kMostNs ? left : kMostNs);
    process_ns_.store_relaxed(process_ns);
    release_ns_.store_relaxed(release_ns);
  }

  // As at the start.
  void refill() { left_ns_.store_relaxed(kMostNs); }

  // What giving back costs, and what holding costs for a second, of the same memory.
  void set_costs(double release_s, double hold_rate) {
    const double most = static_cast<double>(kMostWaitMs);
    const double ms = hold_rate > 0 ? 1000 * release_s / hold_rate : most;
    wait_ms_.store_relaxed(static_cast<std::uint64_t>(ms < most ? ms : most));
  }

  bool is_used_up() const { return left_ns_.load_relaxed() < 0; }
  std::uint64_t longest_wait_ms() const { return wait_ms_.load_relaxed(); }
  std::uint64_t wait_ms() const { return is_used_up() ? longest_wait_ms() : 0; }

 private:
  Atomic<std::uint64_t> process_ns_{0};
  Atomic<std::uint64_t> release_ns_{0};
  Atomic<std::int64_t> left_ns_{kMostNs};
  Atomic<std::uint64_t> wait_ms_{500};  // until costs are known: 0.25 us a page of 4 KiB, default price
};

inline constinit ReleaseBudget release_budget;

}  // namespace hakmem
