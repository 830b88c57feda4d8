// Cache: all that a warm malloc or free touches of a thread: its tag, and one pointer a class.
//
//   thread_cache   | top[0] | top[1] | ... | heap | tag |        336 bytes of static TLS
//
// A class without a magazine points at a constant boundary where it is both empty (the mark before
// it) and full (the mark on it), so the first malloc and the first free take the slow path, and
// nothing tests for initialisation.
//
// Above: hot. Below: depot. The thread itself; for a user's heap, the holder of its lock.
#pragma once

#include "depot/magazine.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

class Heap;

inline constinit Slot boundary[2] = {kEmptyMark, kFullMark};

struct Cache {
  Slot* top[kClasses];
  Heap* heap;
  std::uint32_t tag;
};

constexpr Cache make_empty_cache() {
  Cache cache{{}, nullptr, static_cast<std::uint32_t>(kNobodysTag)};
  for (auto& top : cache.top) top = &boundary[1];
  return cache;
}

extern constinit thread_local Cache thread_cache;
static_assert(sizeof(Cache) <= 1024, "more static TLS than dlopen can be sure of");

}  // namespace hakmem
