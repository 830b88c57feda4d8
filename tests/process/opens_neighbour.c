/* A module that loads another by its bare name: it lies in a directory that only this module's own path has. */
#include <dlfcn.h>

/* dlopen is not its last call, which would be its caller's. */
__attribute__((visibility("default"))) int open_neighbour(const char* name) {
  void* volatile handle = dlopen(name, RTLD_NOW);
  return handle == (void*)0 ? -1 : 0;
}
