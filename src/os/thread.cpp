#include "os/thread.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "base/atomics.hpp"
#include "os/file.hpp"
#include "os/sandbox.hpp"

extern "C" {
// glibc 2.32 and later; other C libraries lack it.
[[gnu::weak]] extern char __libc_single_threaded;
}

namespace hakmem::os {

namespace {

constexpr std::size_t kSmallStack = 128 * 1024;

constinit Atomic<pthread_t> main_thread{0};
constexpr pid_t kNotAsked = -1;

constinit Atomic<pid_t> process{0};  // 0: not noted yet

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
  process.store_relaxed(is_sandboxed() ? kNotAsked : getpid());
}

bool is_own_process() {
  const pid_t noted = process.load_relaxed();
  return noted == kNotAsked || noted == getpid();
}

// proc(5): the twentieth field. The second, a name in brackets, may have blanks and brackets in it.
unsigned thread_count() {
  constexpr int kFieldsAfterName = 18;
  char text[512];
  if (!read_small_file("/proc/self/stat", text, sizeof text)) return 0;
  const char* field = std::strrchr(text, ')');
  for (int i = 0; field != nullptr && i < kFieldsAfterName; ++i) field = std::strchr(field + 1, ' ');
  return field == nullptr ? 0 : static_cast<unsigned>(std::strtoul(field, nullptr, 10));
}

// The kernel has nothing to do for this call where it is so, and refuses otherwise; containers may forbid it.
bool is_alone() {
  const int saved = errno;
  const bool is_so = !is_sandboxed() && syscall(SYS_unshare, CLONE_VM) == 0;
  const bool is_known = is_so || (!is_sandboxed() && errno == EINVAL);
  errno = saved;
  if (is_known) return is_so;
  const unsigned counted = thread_count();
  return counted == 0 ? has_always_been_alone() : counted == 1;
}

bool has_always_been_alone() { return &__libc_single_threaded != nullptr && __libc_single_threaded != 0; }

bool is_main_thread() {
  const pthread_t noted = main_thread.load_relaxed();
  return noted == 0 ? has_process_id() : noted == pthread_self();
}

}  // namespace hakmem::os
