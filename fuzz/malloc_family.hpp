// The functions that malloc_fuzz calls: hakmem's own names (family_hak.cpp), or the C library's
// (family_libc.cpp), which are hakmem's under LD_PRELOAD.
#pragma once

#include <cstddef>

struct MallocFamily {
  void* (*malloc)(std::size_t bytes);
  void* (*calloc)(std::size_t count, std::size_t bytes);
  void* (*realloc)(void* block, std::size_t bytes);
  void* (*aligned_alloc)(std::size_t alignment, std::size_t bytes);
  void (*free)(void* block);
  std::size_t (*usable_size)(void* block);
  void (*trim)();
};

extern const MallocFamily kFamily;
