#include "thread/background.hpp"

#include "config/knobs.hpp"
#include "os/alarm.hpp"
#include "os/thread.hpp"
#include "thread/housekeeping.hpp"

namespace hakmem {

namespace {

constinit Atomic<bool> runs{false};

// With nothing to do, how long a missed ring may stay unnoticed.
constexpr std::uint32_t kLongNapMs = 10'000;

[[noreturn]] void keep_house() {
  for (;;) {
    do_what_is_due(nullptr, os::now_ms());
    os::housekeeping_alarm.announce();
    os::housekeeping_alarm.sleep(anything_idle() ? knobs::kHousekeepingMs : kLongNapMs);
  }
}

}  // namespace

void start_background() {
  if (runs.load_relaxed() || runs.exchange_acq_rel(true)) return;
  if (!os::start_thread("hakmem", keep_house)) runs.store_relaxed(false);
}

bool background_runs() { return runs.load_relaxed(); }

void forget_background() {
  runs.store_relaxed(false);
  os::housekeeping_alarm.forget();
}

}  // namespace hakmem
