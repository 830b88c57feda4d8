#include "os/thread.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

#include "base/atomics.hpp"
#include "os/sandbox.hpp"

namespace hakmem::os {

namespace {

constexpr std::size_t kSmallStack = 128 * 1024;

constinit Atomic<pthread_t> main_thread{0};
constinit Atomic<pid_t> process{0};  // 0: not known

bool has_process_id() { return syscall(SYS_gettid) == getpid(); }

void* run_body(void* body) {
  reinterpret_cast<void (*)()>(body)();
  return nullptr;
}

// A program with much thread-local memory does not fit beside a small stack: 0 asks for the default.
bool create(pthread_t* thread, std::size_t stack, void (*body)()) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (stack != 0) pthread_attr_setstacksize(&attributes, stack);
  const int error = pthread_create(thread, &attributes, run_body, reinterpret_cast<void*>(body));
  pthread_attr_destroy(&attributes);
  return error == 0;
}

}  // namespace

bool start_thread(const char* name, void (*body)()) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_BLOCK, &all, &before) != 0) return false;
  pthread_t thread{};
  bool started = false;
  for (const std::size_t stack : {kSmallStack, std::size_t{0}}) {
    started = started || create(&thread, stack, body);
  }
  if (started) pthread_setname_np(thread, name);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void note_main_thread() {
  if (!has_process_id()) return;
  main_thread.store_relaxed(pthread_self());
  process.store_relaxed(getpid());
}

void become_main_thread() {
  main_thread.store_relaxed(pthread_self());
  process.store_relaxed(is_sandboxed() ? 0 : getpid());
}

bool is_own_process() { return process.load_relaxed() == getpid(); }

bool is_main_thread() {
  const pthread_t noted = main_thread.load_relaxed();
  return noted == 0 ? has_process_id() : noted == pthread_self();
}

}  // namespace hakmem::os
