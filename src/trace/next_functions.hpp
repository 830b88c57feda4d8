// Next functions: the allocator whose calls are recorded, that is the malloc family of the next
// library behind this one.
//
// Finding them may itself allocate; a small arena serves that. Its blocks are recorded by nobody,
// and freeing one does nothing.
//
// Above: the interposed functions. Below: os. Any thread.
#pragma once

#include <cstddef>

#include "base/atomics.hpp"
#include "base/check.hpp"

namespace hakmem::trace {

struct NextFunctions {
  void* (*malloc)(std::size_t);
  void* (*calloc)(std::size_t, std::size_t);
  void* (*realloc)(void*, std::size_t);
  void (*free)(void*);
  int (*posix_memalign)(void**, std::size_t, std::size_t);
  void* (*aligned_alloc)(std::size_t, std::size_t);
  void* (*memalign)(std::size_t, std::size_t);
  void* (*valloc)(std::size_t);
  void* (*pvalloc)(std::size_t);
  std::size_t (*malloc_usable_size)(void*);  // nullptr where the next allocator has none
};

extern NextFunctions next_functions;
extern Atomic<bool> next_functions_found;

// Fills the table, or lets it serve from the arena while that is going on in this thread.
const NextFunctions& find_next_functions();

inline const NextFunctions& next() {
  if (HAK_LIKELY(next_functions_found.load_acquire())) return next_functions;  // pairs with find
  return find_next_functions();
}

bool is_in_arena(const void* block);
std::size_t arena_block_size(const void* block);

}  // namespace hakmem::trace
