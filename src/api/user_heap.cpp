#include "api/user_heap.hpp"

#include "api/allocate.hpp"
#include "pages/metadata.hpp"
#include "thread/boot_hook.hpp"
#include "thread/last_resort.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

constinit Lock list_lock{LockRank::kUserHeaps};
constinit List<hak_heap, &hak_heap::in_all> all HAK_GUARDED_BY(list_lock);
constinit Pool<hak_heap> pool;

// Slabs of `owner`, found by walking the page map, as many as fit.
unsigned find_slabs(OwnerId owner, Slab** found, unsigned capacity) {
  unsigned n = 0;
  run_store.for_each_granule([&](Granule g, Tag tag) {
    if (n == capacity || owner_of(tag) != owner) return;
    auto* slab = static_cast<Slab*>(page_map.details_of(g));
    if (slab->run->first == g) found[n++] = slab;
  });
  return n;
}

void destroy_slabs(const Heap& heap) {
  constexpr unsigned kBatch = 512;
  Slab* slabs[kBatch];
  while (const unsigned n = find_slabs(heap.id(), slabs, kBatch)) {
    for (unsigned i = 0; i < n; ++i) slabs[i]->shard.load_relaxed()->destroy(slabs[i]);
  }
}

}  // namespace

hak_heap* create_user_heap() {
  boot();
  hak_heap* user = pool.take();
  if (user == nullptr) return nullptr;
  Heap* heap = take_users_heap();
  if (heap == nullptr) {
    pool.give(user);
    return nullptr;
  }
  user->heap = heap;  // never null again: a fork beside this may look at the record
  user->heap->open(&user->cache);
  const LockGuard guard(list_lock);
  all.push_front(user);
  return user;
}

void destroy_user_heap(hak_heap* user) {
  {
    const LockGuard guard(list_lock);
    all.remove(user);
  }
  user->heap->close();
  destroy_slabs(*user->heap);
  destroy_large_of(user->heap->id());
  give_users_heap(user->heap);
  pool.give(user);
}

namespace {

void* allocate_small_in(hak_heap* user, std::size_t c) {
  const LockGuard guard(user->lock);
  Slot*& top = user->cache.top[c];
  if (top[-1] == kEmptyMark) return user->heap->refill(ClassId{static_cast<std::uint8_t>(c)});
  return reinterpret_cast<void*>(*--top);
}

}  // namespace

LargeBlock allocate_in(hak_heap* user, std::size_t size, std::size_t alignment) {
  const std::size_t c = aligned_class_index(size, alignment);
  if (c == kClasses) return make_large(size, alignment, user->heap->id());
  if (void* block = allocate_small_in(user, c)) return {block, false};
  find_memory(size);
  return {allocate_small_in(user, c), false};
}

// Unchecked: asked before any lock is taken. What this thread holds cannot change meanwhile, and
// records are of lasting type, so a walk beside another thread's change ends somewhere and harms
// nothing.
bool user_heap_lock_is_mine() HAK_UNCHECKED {
  bool mine = list_lock.is_mine();
  for (hak_heap* user = all.front(); user != nullptr && !mine; user = all.next(user)) {
    mine = user->lock.is_mine() || user->heap->shard()->lock_is_mine();
  }
  return mine;
}

// Unchecked, both: how a fork takes and drops locks is not the scoped way that the analysis knows.
bool lock_user_heaps_for_fork(bool patient) HAK_UNCHECKED {
  bool done = list_lock.lock_for_fork(patient);
  for (hak_heap* user = done ? all.front() : nullptr; user != nullptr && done; user = all.next(user)) {
    done = user->lock.lock_for_fork(patient) && user->heap->shard()->lock_for_fork(patient);
  }
  return done;
}

void unlock_user_heaps_after_fork(bool in_child) HAK_UNCHECKED {
  for (hak_heap* user = all.front(); user != nullptr; user = all.next(user)) {
    user->heap->shard()->unlock_after_fork(in_child);
    user->lock.unlock_after_fork(in_child);
  }
  list_lock.unlock_after_fork(in_child);
}

}  // namespace hakmem
