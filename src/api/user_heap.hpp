// User heap: a heap of the program's own, behind hak_heap_*; see include/hakmem/hakmem.h.
//
// A lock, a cache that is no thread's, and a Heap with a private shard, so that no thread's heap
// ever attaches its slabs. Other threads' frees go straight to the slabs: nothing of it waits in a
// bundle when it is destroyed.
//
// Above: hak.cpp, fork. Below: thread, large. Any thread.
#pragma once

#include "base/list.hpp"
#include "large/large.hpp"
#include "thread/heap.hpp"

struct hak_heap {
  hakmem::Atomic<hak_heap*> next;  // in the pool of unused ones
  hakmem::Lock lock{hakmem::LockRank::kHeap};
  hakmem::Cache cache HAK_GUARDED_BY(lock) = hakmem::make_empty_cache();
  hakmem::Heap* heap = nullptr;
  hakmem::Link<hak_heap> in_all;
};

namespace hakmem {

hak_heap* create_user_heap();
void destroy_user_heap(hak_heap* user);

// `alignment` is a power of two; `zeroed` tells whether the block reads zero throughout.
LargeBlock allocate_in(hak_heap* user, std::size_t size, std::size_t alignment);

bool user_heap_lock_is_mine();
bool lock_user_heaps_for_fork(bool patient);
void unlock_user_heaps_after_fork(bool in_child);

}  // namespace hakmem
