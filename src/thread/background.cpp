#include "thread/background.hpp"

#include "config/knobs.hpp"
#include "os/alarm.hpp"
#include "os/sandbox.hpp"
#include "os/thread.hpp"
#include "pages/commitment.hpp"
#include "thread/housekeeping.hpp"

namespace hakmem {

namespace {

constinit Atomic<bool> runs{false};
constinit Atomic<bool> main_has_left{false};

// With nothing to do, how long a missed ring may stay unnoticed.
constexpr std::uint32_t kLongNapMs = 10'000;

// The coarse clock's tick: nothing can be due sooner.
constexpr std::uint32_t kLeastNapMs = 4;

// Only here: a program's own threads may be in no position to open files.
void look_around_if_due(std::uint64_t now_ms, std::uint64_t* due_ms) {
  if (!commitment.follows_cgroup() || now_ms < *due_ms) return;
  *due_ms = now_ms + knobs::kLookAroundMs;
  commitment.look_around();
}

void keep_house() {
  std::uint64_t look_around_due_ms = 0;
  while (!main_has_left.load_acquire()) {  // pairs with end_background()
    look_around_if_due(os::now_ms(), &look_around_due_ms);
    do_what_is_due(nullptr, os::now_ms());
    os::housekeeping_alarm.announce();
    if (main_has_left.load_acquire()) break;  // the ring may have passed before the announcement
    const std::uint64_t now = os::now_ms();
    const std::uint64_t due = next_due(now);
    const std::uint64_t nap = due <= now ? 0 : due - now;
    if (nap <= knobs::kHousekeepingMs) os::housekeeping_alarm.announce_short();
    os::housekeeping_alarm.sleep(static_cast<std::uint32_t>(clamp_size(nap, kLeastNapMs, kLongNapMs)));
  }
  runs.store_relaxed(false);
  os::housekeeping_alarm.forget();
}

}  // namespace

void start_background() {
  if (main_has_left.load_relaxed() || os::is_sandboxed()) return;
  if (runs.load_relaxed() || runs.exchange_acq_rel(true)) return;
  if (!os::start_thread("hakmem", keep_house)) runs.store_relaxed(false);
}

bool background_runs() { return runs.load_relaxed(); }

void end_background() {
  main_has_left.exchange_seq_cst(true);
  os::housekeeping_alarm.wake();
}

void forget_background() {
  main_has_left.store_relaxed(false);
  runs.store_relaxed(false);
  os::housekeeping_alarm.forget();
}

}  // namespace hakmem
