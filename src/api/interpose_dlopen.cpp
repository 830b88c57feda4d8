// Interpose: dlopen, to take RTLD_DEEPBIND away from it.
//
// With it a module finds the C library's free before ours, and frees our blocks with that: php loads its extensions so, and crashes
// at its start, under other preloaded mallocs too. Not part of the static library, as pthread_create is not.
#include <dlfcn.h>

#include "base/atomics.hpp"
#include "os/next_symbol.hpp"

namespace {

using OpenFunction = void* (*)(const char*, int);

constinit hakmem::Atomic<OpenFunction> next{nullptr};

}  // namespace

// The C library looks up by its return address who calls, and where that module's libraries are: so the call at the end must be a
// jump (cmake/hakmem_library.cmake).
extern "C" [[gnu::visibility("default")]] void* dlopen(const char* file, int mode) noexcept {
  OpenFunction open = next.load_relaxed();
  if (open == nullptr) {
    open = reinterpret_cast<OpenFunction>(hakmem::os::next_symbol("dlopen"));
    if (open == nullptr) return nullptr;
    next.store_relaxed(open);
  }
  return open(file, mode & ~RTLD_DEEPBIND);
}
