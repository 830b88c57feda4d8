// Sleeping and waking for base/lock.hpp.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/lock.hpp"

namespace hakmem {

void lock_sleep(Atomic<std::uint32_t>* word, std::uint32_t while_value) {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_value, nullptr, nullptr, 0);
  errno = saved;
}

void lock_wake(Atomic<std::uint32_t>* word) {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

}  // namespace hakmem
