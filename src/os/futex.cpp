// Sleeping and waking, for base/lock.hpp and os/alarm.hpp.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/lock.hpp"
#include "os/alarm.hpp"

namespace hakmem {

// Who has been woken may be in a signal handler first, for as long as that takes, and wait there for this very thread: so
// who sleeps looks again.
void lock_sleep(Atomic<std::uint32_t>* word, std::uint32_t while_value) {
  constexpr long kLookAgainNs = 10'000'000;
  const int saved = errno;
  const timespec timeout{0, kLookAgainNs};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_value, &timeout, nullptr, 0);
  errno = saved;
}

void lock_wake(Atomic<std::uint32_t>* word) {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

void lock_pause(std::uint32_t microseconds) {
  const int saved = errno;
  const timespec time{0, static_cast<long>(microseconds) * 1000};
  syscall(SYS_nanosleep, &time, nullptr);  // the C library's is a cancellation point
  errno = saved;
}

namespace os {

void Alarm::sleep(std::uint32_t at_most_ms) {
  const timespec timeout{at_most_ms / 1000, static_cast<long>(at_most_ms % 1000) * 1'000'000};
  const std::uint32_t announced = asleep_.load_relaxed();
  if (announced == 0) return;
  syscall(SYS_futex, &asleep_, FUTEX_WAIT_PRIVATE, announced, &timeout, nullptr, 0);
  asleep_.store_relaxed(0);
}

void Alarm::wake() {
  if (asleep_.exchange_seq_cst(0) == 0) return;  // somebody else does
  const int saved = errno;
  syscall(SYS_futex, &asleep_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

}  // namespace os

}  // namespace hakmem
