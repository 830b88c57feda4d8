#include "base/lock.hpp"

namespace hakmem {

namespace {

// Spinning longer than a critical section takes (about 100 ns) only delays the holder when it
// shares our core.
constexpr int kSpins = 64;

// How often a fork from a signal handler looks at a lock that another thread holds, and any other fork, which sleeps in
// between: some 80 ms.
constexpr int kForkLooks = 100'000;
constexpr int kPatientLooks = 500;
constexpr std::uint32_t kPatientPauseUs = 100;

constinit Atomic<std::uint32_t> last_token{0};
constinit thread_local std::uint32_t token = 0;

}  // namespace

std::uint32_t thread_token() {
  if (HAK_UNLIKELY(token == 0)) token = last_token.fetch_add_relaxed(1) % 0x7fff'fffe + 1;
  return token;
}

void Lock::take_slow() {
  for (int i = 0; i < kSpins; ++i) {
    spin_pause();
    if (try_take()) return;
  }
  for (;;) {
    std::uint32_t seen = word_.load_relaxed();
    // Others may sleep behind us: who has slept takes the lock as one with sleepers.
    const std::uint32_t wanted = seen == 0 ? thread_token() | kSleepers : seen | kSleepers;
    if (seen != wanted && !word_.try_replace_acquire(seen, wanted)) continue;  // pairs with drop()
    if (seen == 0) return;
    lock_sleep(&word_, wanted);
  }
}

bool Lock::lock_for_fork(bool patient) {
  if (is_mine()) return true;
  const int spins = patient ? kSpins : kForkLooks;
  for (int i = 0; i < spins; ++i) {
    if (take_for_fork()) return true;
    spin_pause();
  }
  for (int i = 0; patient && i < kPatientLooks; ++i) {
    lock_pause(kPatientPauseUs);
    if (take_for_fork()) return true;
  }
  return !patient;
}

// In the child other holders do not exist.
void Lock::unlock_after_fork(bool in_child) {
  if (is_mine()) {
    if (!taken_for_fork_) return;
    taken_for_fork_ = false;
    drop();
  } else if (in_child) {
    taken_for_fork_ = false;
    word_.store_release(0);
  }
}

#ifndef NDEBUG
namespace {
constinit thread_local std::uint16_t held_rank = 0;
}

// One bit a rank; a thread holds at most one lock of each, and takes them in rising order (1).
void note_lock_taken(LockRank rank) {
  const auto bit = static_cast<std::uint16_t>(1U << static_cast<unsigned>(rank));
  HAK_ASSERT(held_rank < bit);
  held_rank = static_cast<std::uint16_t>(held_rank | bit);
}

void note_lock_dropped(LockRank rank) {
  held_rank = static_cast<std::uint16_t>(held_rank & ~(1U << static_cast<unsigned>(rank)));
}
#endif

}  // namespace hakmem
