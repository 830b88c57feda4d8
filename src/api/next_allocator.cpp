#include "api/next_allocator.hpp"

#include <cstdint>

#include "api/misuse.hpp"
#include "base/atomics.hpp"
#include "large/large.hpp"
#include "os/memory.hpp"
#include "os/next_symbol.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {

namespace {

using FreeFunction = void (*)(void*);
using ReallocFunction = void* (*)(void*, std::size_t);
using SizeFunction = std::size_t (*)(void*);

// A function found through dlsym, once; `none` remembers that there is none.
template <typename Function>
Function find_next(Atomic<void*>& cache, const char* name) {
  static char none;
  void* found = cache.load_relaxed();
  if (found == nullptr) {
    found = os::next_symbol(name);
    if (found == nullptr) found = &none;
    cache.store_relaxed(found);
  }
  return found == &none ? nullptr : reinterpret_cast<Function>(found);
}

constinit Atomic<void*> free_cache;
constinit Atomic<void*> realloc_cache;
constinit Atomic<void*> size_cache;

// The next allocator would look at the memory before the pointer: nothing there is a crash.
bool may_be_a_block(const void* block) { return os::is_mapped(static_cast<const char*>(block) - kMinAlign); }

}  // namespace

void free_unknown(void* block) {
  boot();
  if (!may_be_a_block(block)) return report_unknown_pointer("free", block);
  if (const auto next = find_next<FreeFunction>(free_cache, "free")) return next(block);
  report_unknown_pointer("free", block);
}

std::size_t next_usable_size(const void* block) {
  boot();
  if (!may_be_a_block(block)) return 0;
  const auto next = find_next<SizeFunction>(size_cache, "malloc_usable_size");
  return next != nullptr ? next(const_cast<void*>(block)) : 0;
}

void* next_reallocate(void* block, std::size_t size) {
  boot();
  if (!may_be_a_block(block)) {
    report_unknown_pointer("realloc", block);
    return nullptr;
  }
  if (const auto next = find_next<ReallocFunction>(realloc_cache, "realloc")) return next(block, size);
  report_unknown_pointer("realloc", block);
  return nullptr;
}

}  // namespace hakmem
