#include "os/fork.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "os/thread.hpp"

extern "C" {
// glibc exports these two for its own libraries (GLIBC_2.2.5); other C libraries lack them.
[[gnu::weak]] void _IO_list_lock(void);
[[gnu::weak]] void _IO_list_unlock(void);
}

namespace hakmem::os {

namespace {

unsigned stream_list_held = 0;  // how often, by forks; written with the lock held

// As the kernel has a set: a bit each, from 1. The C library has 32 and 33 for itself.
constexpr std::uint64_t bit_of(int signal) { return std::uint64_t{1} << (signal - 1); }
constexpr std::uint64_t kNotBlocked =
    bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGFPE) | bit_of(SIGILL) | bit_of(SIGTRAP) | bit_of(SIGSYS) | bit_of(32) | bit_of(33);

constinit thread_local std::uint64_t blocked_before = 0;
constinit thread_local unsigned blocked_times = 0;  // a handler of a signal that is not blocked may fork in between

}  // namespace

void on_fork(void (*prepare)(), void (*parent)(), void (*child)()) { pthread_atfork(prepare, parent, child); }

void lock_stream_list() {
  if (has_always_been_alone() || &_IO_list_lock == nullptr || &_IO_list_unlock == nullptr) return;
  _IO_list_lock();
  ++stream_list_held;
}

void unlock_stream_list_in_parent() {
  if (stream_list_held == 0) return;
  --stream_list_held;
  _IO_list_unlock();
}

void block_signals() {
  if (blocked_times++ != 0) return;
  const std::uint64_t wanted = ~kNotBlocked;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &wanted, &blocked_before, sizeof wanted);
}

void restore_signals() {
  if (--blocked_times != 0) return;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked_before, nullptr, sizeof blocked_before);
}

// fork() has reset the lock in the child of a threaded process already.
void forget_stream_list_in_child() { stream_list_held = 0; }

}  // namespace hakmem::os
