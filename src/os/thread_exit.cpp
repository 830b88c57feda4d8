#include "os/thread_exit.hpp"

#include <pthread.h>

#include "base/atomics.hpp"

namespace hakmem::os {

namespace {

pthread_key_t key;
Atomic<void (*)()> leave_function{nullptr};

// POSIX runs destructors again, up to four rounds, while values are set: waiting for two lets the
// others free what they hold through the heap that is about to go.
void run_destructor(void* value) {
  const auto rounds = reinterpret_cast<std::uintptr_t>(value);
  if (rounds > 1) {
    pthread_setspecific(key, reinterpret_cast<void*>(rounds - 1));
    return;
  }
  leave_function.load_acquire()();  // pairs with on_thread_exit()
}

}  // namespace

void on_thread_exit(void (*leave)()) {
  if (pthread_key_create(&key, run_destructor) == 0) leave_function.store_release(leave);
}

void arm_thread_exit(std::uintptr_t rounds) {
  if (leave_function.load_acquire() == nullptr) return;
  pthread_setspecific(key, reinterpret_cast<void*>(rounds + 1));
}

}  // namespace hakmem::os
