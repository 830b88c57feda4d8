// Alarm: where one thread sleeps until there is something to do.
//
// The sleeper announces its nap, looks once more whether there is work, and sleeps. Whoever makes
// work rings: one relaxed load while nobody sleeps. A ring may be missed when it passes the
// announcement (the load is relaxed on purpose), so a nap has an end.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"

namespace hakmem::os {

class Alarm {
 public:
  void announce() { asleep_.exchange_seq_cst(1); }
  void sleep(std::uint32_t at_most_ms);

  void ring() {
    if (asleep_.load_relaxed() != 0) wake();
  }

  // In a forked child: the sleeper is not there.
  void forget() { asleep_.store_relaxed(0); }

 private:
  void wake();
  Atomic<std::uint32_t> asleep_;
};

// Rung when memory has become idle, answered by the background thread if there is one.
inline constinit Alarm housekeeping_alarm;

}  // namespace hakmem::os
