#include "thread/registry.hpp"

#include "os/cpu.hpp"
#include "os/thread_exit.hpp"
#include "pages/metadata.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {

namespace {

// More threads than Linux allows a process on common systems; further ones get no heap (ENOMEM).
constexpr std::uint32_t kMaxHeaps = 1U << 17;

// Every heap record has room for a user's heap's private shard only when it is one.
struct UsersRecord {
  Heap heap;
  SlabShard shard;
};

constinit Lock lock{LockRank::kRegistry};
constinit Atomic<Heap*> heaps[kMaxHeaps];
constinit Heap* unused_thread_heaps HAK_GUARDED_BY(lock) = nullptr;
constinit Heap* unused_users_heaps HAK_GUARDED_BY(lock) = nullptr;
constinit Atomic<std::uint32_t> next_owner{
    static_cast<std::uint32_t>(kFirstHeap)};  // written under the lock
constinit Atomic<unsigned> live{0};
constinit unsigned cpus = 1;

// This thread's destructors have run: a heap it took now would never come back.
constinit thread_local bool has_left = false;

Heap* pop_unused_locked(Heap** list) HAK_REQUIRES(lock) {
  Heap* heap = *list;
  if (heap != nullptr) *list = heap->next_unused;
  return heap;
}

Heap* make_heap_locked(bool is_users) HAK_REQUIRES(lock) {
  const std::uint32_t id = next_owner.load_relaxed();
  if (id == kMaxHeaps) return nullptr;
  void* memory = metadata_allocate(is_users ? sizeof(UsersRecord) : sizeof(Heap));
  if (memory == nullptr) return nullptr;
  Heap* heap = nullptr;
  if (is_users) {
    auto* record = new (memory) UsersRecord{Heap(OwnerId{id}, true), SlabShard()};
    record->heap.use_private_shard(&record->shard);
    heap = &record->heap;
  } else {
    heap = new (memory) Heap(OwnerId{id}, false);
  }
  heaps[id].store_release(heap);  // pairs with heap_of()
  next_owner.store_relaxed(id + 1);
  return heap;
}

Heap* take_heap(bool is_users) {
  const LockGuard guard(lock);
  Heap* heap = pop_unused_locked(is_users ? &unused_users_heaps : &unused_thread_heaps);
  if (heap == nullptr) heap = make_heap_locked(is_users);
  if (heap != nullptr) live.fetch_add_relaxed(1);
  return heap;
}

void give_heap(Heap* heap) {
  const LockGuard guard(lock);
  Heap** list = heap->is_users() ? &unused_users_heaps : &unused_thread_heaps;
  heap->next_unused = *list;
  *list = heap;
  live.fetch_sub_relaxed(1);
}

}  // namespace

Heap* heap_of(OwnerId owner) {
  const auto id = static_cast<std::uint32_t>(owner);
  return id < kMaxHeaps ? heaps[id].load_acquire() : nullptr;  // pairs with make_heap_locked()
}

Heap* thread_heap() {
  if (thread_cache.heap != nullptr) return thread_cache.heap;
  if (has_left) return nullptr;
  boot();
  Heap* heap = take_heap(false);
  if (heap == nullptr) return nullptr;
  heap->open(&thread_cache);
  os::arm_thread_exit(2);
  return heap;
}

void* allocate_after_leaving(ClassId c) {
  Heap* heap = has_left ? take_heap(false) : nullptr;
  if (heap == nullptr) return nullptr;
  heap->open(&thread_cache);
  void* block = heap->refill(c);
  heap->close();
  give_heap(heap);
  return block;
}

void leave_thread_heap() {
  Heap* heap = thread_cache.heap;
  if (heap == nullptr) return;
  has_left = true;
  heap->close();
  give_heap(heap);
}

Heap* take_users_heap() {
  boot();
  return take_heap(true);
}

void give_users_heap(Heap* heap) { give_heap(heap); }

unsigned live_heaps() { return live.load_relaxed(); }
std::uint32_t owner_count() { return next_owner.load_relaxed(); }
bool many_heaps() { return live_heaps() > knobs::kOwnSlabHeapsPerCpu * cpus; }

void boot_registry() {
  cpus = os::effective_cpus();
  os::on_thread_exit(leave_thread_heap);
}

bool registry_lock_is_mine() { return lock.is_mine(); }
void lock_registry_for_fork(bool patient) { lock.lock_for_fork(patient); }
void unlock_registry_after_fork(bool in_child) { lock.unlock_after_fork(in_child); }

}  // namespace hakmem
