#include "base/lock.hpp"

namespace hakmem {

namespace {

// Spinning longer than a critical section takes (about 100 ns) only delays the holder when it
// shares our core.
constexpr int kSpins = 64;

constinit thread_local std::uint16_t held_rank = 0;

}  // namespace

const void* thread_token() { return &held_rank; }

void Lock::lock_slow() {
  for (int i = 0; i < kSpins; ++i) {
    spin_pause();
    std::uint32_t expected = 0;
    if (word_.try_replace_acquire(expected, 1)) return;
  }
  // From here on the word says that somebody sleeps; the exchange is the acquire of lock().
  while (word_.exchange_acquire(2) != 0) lock_sleep(&word_, 2);
}

#ifndef NDEBUG
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
