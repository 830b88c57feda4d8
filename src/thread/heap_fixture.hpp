// For tests of heaps.
#pragma once

#include "thread/heap.hpp"
#include "thread/housekeeping.hpp"
#include "thread/registry.hpp"

namespace hakmem {

// Everything that this thread and the shared structures hold back goes home. The shared first: some
// of it lies in slabs that are attached to this thread's heap.
inline void bring_everything_home() {
  thread_heap()->flush_foreign();
  return_everything_idle(thread_heap());
  thread_heap()->flush_all();
  return_everything_idle(nullptr);
}

}  // namespace hakmem
