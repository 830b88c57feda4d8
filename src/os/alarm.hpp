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
  // The sleeper: from now on rings are answered.
  void announce() { asleep_.exchange_seq_cst(kLongNap); }

  // The sleeper changed its mind: it will be back so soon that rings, a system call each, are not
  // worth it. Only wake() ends this nap.
  void announce_short() { asleep_.exchange_seq_cst(kShortNap); }

  // Until the nap is over, or was ended since its announcement.
  void sleep(std::uint32_t at_most_ms);

  void ring() {
    if (asleep_.load_relaxed() == kLongNap) wake();
  }
  void wake();

  // In a forked child: the sleeper is not there.
  void forget() { asleep_.store_relaxed(0); }

 private:
  static constexpr std::uint32_t kShortNap = 1;
  static constexpr std::uint32_t kLongNap = 2;

  Atomic<std::uint32_t> asleep_;
};

// Rung when memory has become idle, answered by the background thread if there is one.
inline constinit Alarm housekeeping_alarm;

}  // namespace hakmem::os
