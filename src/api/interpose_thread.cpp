// Interpose: pthread_create, to learn when the program becomes one of several threads.
//
// That is the moment, and a safe place, to start the thread that gives memory back while all others
// sleep. It is not part of the static library: a static program has no next pthread_create.
#include <pthread.h>

#include <cerrno>

#include "base/atomics.hpp"
#include "config/knobs.hpp"
#include "os/next_symbol.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"

namespace {

using CreateFunction = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

constinit hakmem::Atomic<CreateFunction> next{nullptr};

CreateFunction find_next() {
  CreateFunction found = next.load_relaxed();
  if (found != nullptr) return found;
  found = reinterpret_cast<CreateFunction>(hakmem::os::next_symbol("pthread_create"));
  next.store_relaxed(found);
  return found;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                                             void* (*start)(void*), void* argument) noexcept {
  const CreateFunction create = find_next();
  if (create == nullptr) return EAGAIN;
  const int error = create(thread, attributes, start, argument);
  hakmem::boot();
  if (error == 0 && hakmem::settings.background != hakmem::Background::kOff) hakmem::start_background();
  return error;
}
