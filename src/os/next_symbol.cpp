#include "os/next_symbol.hpp"

#include <dlfcn.h>

#include <cerrno>
#include <initializer_list>

namespace hakmem::os {

void* next_symbol(const char* name) {
  const int saved = errno;
  void* symbol = dlsym(RTLD_NEXT, name);
  errno = saved;
  return symbol;
}

void* cxx_runtime_symbol(const char* name) {
  if (void* symbol = dlsym(RTLD_DEFAULT, name)) return symbol;
  return cxx_runtime_own_symbol(name);
}

// May be loaded out of the global scope, with a plugin (dlopen's RTLD_LOCAL): asked by its name.
void* cxx_runtime_own_symbol(const char* name) {
  for (const char* library : {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"}) {
    void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    if (void* symbol = dlsym(handle, name)) return symbol;
  }
  return nullptr;
}

}  // namespace hakmem::os
