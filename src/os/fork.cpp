#include "os/fork.hpp"

#include <pthread.h>

extern "C" {
// glibc exports these three for its own libraries (GLIBC_2.2.5); other C libraries lack them.
[[gnu::weak]] void _IO_list_lock(void);
[[gnu::weak]] void _IO_list_unlock(void);
[[gnu::weak]] extern char __libc_single_threaded;
}

namespace hakmem::os {

namespace {
bool holds_stream_list = false;  // written with the lock held
}

void on_fork(void (*prepare)(), void (*parent)(), void (*child)()) { pthread_atfork(prepare, parent, child); }

void lock_stream_list() {
  const bool threads = &__libc_single_threaded == nullptr || __libc_single_threaded == 0;
  if (!threads || &_IO_list_lock == nullptr || &_IO_list_unlock == nullptr) return;
  _IO_list_lock();
  holds_stream_list = true;
}

void unlock_stream_list_in_parent() {
  if (!holds_stream_list) return;
  holds_stream_list = false;
  _IO_list_unlock();
}

// fork() has reset the lock in the child of a threaded process already.
void forget_stream_list_in_child() { holds_stream_list = false; }

}  // namespace hakmem::os
