// For tests of heaps.
#pragma once

#include <thread>
#include <vector>

#include "thread/heap.hpp"
#include "thread/hot.hpp"
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

inline void from_another_thread(auto body) { std::thread(body).join(); }

// The calling thread's heap is new no longer: among few it has slabs of its own from now on.
inline void work_for_a_while() {
  std::vector<void*> blocks(knobs::kSlowPathsOnShared + 1);  // the last slow path looks at the ones before
  for (void*& block : blocks) block = allocate(kMaxSmall);
  for (void* block : blocks) deallocate(block);
  thread_heap()->flush_all();
}

}  // namespace hakmem
