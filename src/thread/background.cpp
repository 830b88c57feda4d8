#include "thread/background.hpp"

#include "base/lock.hpp"
#include "config/knobs.hpp"
#include "os/alarm.hpp"
#include "os/sandbox.hpp"
#include "os/thread.hpp"
#include "os/thread_exit.hpp"
#include "pages/commitment.hpp"
#include "thread/housekeeping.hpp"
#include "thread/looks.hpp"

namespace hakmem {

namespace {

constinit Atomic<bool> runs{false};
constinit Atomic<bool> must_end{false};

// With nothing to do, how long a missed ring may stay unnoticed.
constexpr std::uint32_t kLongNapMs = 10'000;

// The coarse clock's tick: nothing can be due sooner.
constexpr std::uint32_t kLeastNapMs = 4;

// After which the main thread has left, as any that has a heap (registry). It may have none, and blocks of another allocator.
constexpr std::uintptr_t kLaterRounds = 2;

// How long it is waited for: a handler may have interrupted who was about to start it.
constexpr std::uint32_t kEndPauseUs = 100;
constexpr unsigned kEndTries = 5000;

// Only here: a program's own threads may be in no position to open files.
void look_around_if_due(std::uint64_t now_ms, std::uint64_t* due_ms) {
  if (!commitment.follows_cgroup() || now_ms < *due_ms) return;
  *due_ms = now_ms + knobs::kLookAroundMs;
  commitment.look_around();
}

void keep_house() {
  std::uint64_t look_around_due_ms = 0;
  while (!must_end.load_acquire()) {  // pairs with end_background()
    look_around_if_due(os::now_ms(), &look_around_due_ms);
    do_what_is_due(nullptr, os::now_ms());
    os::housekeeping_alarm.announce();
    if (must_end.load_acquire()) break;  // the ring may have passed before the announcement
    const std::uint64_t now = os::now_ms();
    const std::uint64_t due = next_due(now);
    const std::uint64_t nap = due <= now ? 0 : due - now;
    if (nap <= knobs::kHousekeepingMs) os::housekeeping_alarm.announce_short();
    os::housekeeping_alarm.sleep(static_cast<std::uint32_t>(clamp_size(nap, kLeastNapMs, kLongNapMs)));
  }
  os::housekeeping_alarm.forget();
  looks.begin(os::now_ms());
  runs.store_release(false);  // pairs with pause_background()
}

}  // namespace

void start_background() {
  if (must_end.load_relaxed() || os::is_sandboxed()) return;
  if (runs.load_relaxed()) return;
  looks.note(os::now_ms());
  if (runs.exchange_acq_rel(true)) return;
  if (os::is_main_thread()) os::arm_thread_exit(kLaterRounds);
  if (!os::start_thread("hakmem", keep_house)) runs.store_relaxed(false);
}

bool background_runs() { return runs.load_relaxed(); }

void end_background() {
  must_end.exchange_seq_cst(true);
  os::housekeeping_alarm.wake();
}

bool pause_background() {
  if (!runs.load_relaxed()) return false;
  end_background();
  for (unsigned tries = 0; tries < kEndTries; ++tries) {
    if (!runs.load_acquire()) return true;  // pairs with keep_house(): what it did has been done
    lock_pause(kEndPauseUs);
  }
  must_end.store_relaxed(false);
  return false;
}

void resume_background() {
  must_end.store_relaxed(false);
  start_background();
}

void forget_background() {
  if (background_runs()) looks.begin(os::now_ms());
  must_end.store_relaxed(false);
  runs.store_relaxed(false);
  os::housekeeping_alarm.forget();
}

}  // namespace hakmem
