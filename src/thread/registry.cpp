#include "thread/registry.hpp"

#include "os/alarm.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/place.hpp"
#include "os/thread.hpp"
#include "os/thread_exit.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/large_hooks.hpp"
#include "thread/shared_slabs.hpp"

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
using Waiting = List<Heap, &Heap::in_waiting>;  // the last one first
constinit Waiting unused_thread_heaps[os::kMostNodes] HAK_GUARDED_BY(lock) = {};
constinit Waiting unused_users_heaps HAK_GUARDED_BY(lock);
constinit Waiting parked_heaps HAK_GUARDED_BY(lock);
constinit Atomic<std::size_t> parked_total{0};
constinit Atomic<std::uint32_t> next_owner{
    static_cast<std::uint32_t>(kFirstHeap)};  // written under the lock
constinit Atomic<unsigned> live{0};

// This thread's destructors have run: a heap it took now would never come back.
constinit thread_local bool has_left = false;

Waiting& unused_locked(const Heap* heap) HAK_REQUIRES(lock) {
  return heap->is_users() ? unused_users_heaps : unused_thread_heaps[index_of(heap->node())];
}

void wait_locked(Heap* heap, Heap::Waits how) HAK_REQUIRES(lock) {
  heap->waits = how;
  (how == Heap::Waits::kParked ? parked_heaps : unused_locked(heap)).push_front(heap);
}

Heap* take_waiting_locked(Heap* heap) HAK_REQUIRES(lock) {
  if (heap == nullptr) return nullptr;
  if (heap->waits == Heap::Waits::kParked) {
    parked_heaps.remove(heap);
    parked_total.fetch_sub_relaxed(heap->parked_bytes);
  } else {
    unused_locked(heap).remove(heap);
  }
  heap->waits = Heap::Waits::kNot;
  return heap;
}

// The one parked last on this node.
Heap* parked_on_locked(os::Node node) HAK_REQUIRES(lock) {
  Heap* heap = parked_heaps.front();
  while (heap != nullptr && heap->node() != node) heap = Waiting::next(heap);
  return heap;
}

// A thread that begins by freeing what an exited one has left goes on with that one's heap: then most
// blocks it is handed are its own.
Heap* take_waiting_on_locked(os::Node node, OwnerId before) HAK_REQUIRES(lock) {
  Heap* heap = heap_of(before);
  if (heap == nullptr || heap->waits == Heap::Waits::kNot || heap->is_users() || heap->node() != node) heap = parked_on_locked(node);
  if (heap == nullptr) heap = unused_thread_heaps[index_of(node)].front();
  return take_waiting_locked(heap);
}

// The heap that has been parked for longest, if that is long.
Heap* take_long_parked(std::uint64_t now_ms, bool all) {
  const LockGuard guard(lock);
  Heap* last = parked_heaps.back();
  const bool due = last != nullptr && (all || last->parked_at_ms + knobs::kFlushMs <= now_ms);
  return due ? take_waiting_locked(last) : nullptr;
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

// Before the second heap: from then on there is somebody to share with.
void know_places() {
  if (!os::places.claim()) return;
  while (const char* fault = os::places.read()) {
    os::write_stderr("hakmem: HAKMEM_TOPOLOGY=", settings.topology_path, " ignored; allowed: a directory like /sys; not understood: ", fault, "\n");
  }
  const os::Topology& found = os::places.found();
  const LockGuard guard(lock);
  if (found.nodes > 1 && !run_store.make(found.nodes)) return;
  if (!slab_shards.make(found.places) || !make_shared_slabs(found.places) || !make_large_shards(found.places)) return;
  next_owner.store_relaxed(next_owner.load_relaxed() + 2 * (found.nodes - 1));
  os::places.publish();
}

Heap* take_heap(bool is_users, OwnerId before = kNoOwner) {
  if (live.load_relaxed() != 0) know_places();
  const os::Node here = os::places.current_node();
  const LockGuard guard(lock);
  Heap* heap = is_users ? take_waiting_locked(unused_users_heaps.front()) : take_waiting_on_locked(here, before);
  if (heap == nullptr) heap = make_heap_locked(is_users);
  if (heap != nullptr && !is_users) live.fetch_add_relaxed(1);
  return heap;
}

void give_heap(Heap* heap) {
  const LockGuard guard(lock);
  wait_locked(heap, Heap::Waits::kUnused);
}

// The thread has left its heap. The next one finds it as it is, within a bound on what all parked
// heaps hold; otherwise it goes back whole.
void retire(Heap* heap) {
  live.fetch_sub_relaxed(1);
  const std::size_t bytes = heap->bytes_to_park();
  if (parked_total.fetch_add_relaxed(bytes) + bytes > knobs::kParkedBytes) {
    parked_total.fetch_sub_relaxed(bytes);
    heap->close();
    give_heap(heap);
    return;
  }
  heap->parked_bytes = bytes;
  heap->parked_at_ms = os::now_ms();
  heap->park();
  const LockGuard guard(lock);
  wait_locked(heap, Heap::Waits::kParked);
  os::housekeeping_alarm.ring();
}

}  // namespace

Heap* heap_of(OwnerId owner) {
  const auto id = static_cast<std::uint32_t>(owner);
  return id < kMaxHeaps ? heaps[id].load_acquire() : nullptr;  // pairs with make_heap_locked()
}

Heap* thread_heap(OwnerId before) {
  if (thread_cache.heap != nullptr) return thread_cache.heap;
  if (has_left) return nullptr;
  boot();
  Heap* heap = take_heap(false, before);
  if (heap == nullptr) return nullptr;
  heap->open(&thread_cache);
  heap->share_or_not();
  os::arm_thread_exit(2);
  return heap;
}

void* allocate_after_leaving(ClassId c) {
  Heap* heap = has_left ? take_heap(false) : nullptr;
  if (heap == nullptr) return nullptr;
  heap->open(&thread_cache);
  heap->share_or_not();
  void* block = heap->refill(c);
  retire(heap);
  return block;
}

void leave_thread_heap() {
  Heap* heap = thread_cache.heap;
  if (heap != nullptr) has_left = true;  // or the thread has moved to a node without memory for one, or never had one
  leave_large_hand();
  if (heap != nullptr) retire(heap);
  if (os::is_main_thread()) end_background();
}

void* refill_on_other_node(ClassId c) {
  if (has_left) return thread_cache.heap->refill(c);  // allocate_after_leaving() retires it
  retire(thread_cache.heap);
  Heap* heap = thread_heap();
  return heap == nullptr ? nullptr : heap->refill(c);
}

bool any_parked_heap() { return parked_total.load_relaxed() != 0; }

ParkedUse parked_use() {
  const LockGuard guard(lock);
  unsigned n = 0;
  for (const Heap* heap = parked_heaps.front(); heap != nullptr; heap = Waiting::next(heap)) ++n;
  return {n, parked_total.load_relaxed()};
}

void close_parked_heaps(std::uint64_t now_ms, bool all) {
  if (parked_total.load_relaxed() == 0) return;
  while (Heap* heap = take_long_parked(now_ms, all)) {
    Cache nobodys = make_empty_cache();
    heap->open(&nobodys);
    heap->close();
    give_heap(heap);
  }
}

Heap* take_users_heap() {
  boot();
  return take_heap(true);
}

void give_users_heap(Heap* heap) { give_heap(heap); }

unsigned live_heaps() { return live.load_relaxed(); }
std::uint32_t owner_count() { return next_owner.load_relaxed(); }
bool many_heaps() { return os::places.are_known() && live_heaps() > knobs::kOwnSlabHeapsPerCpu * os::places.cpus(); }
bool is_crowd() { return os::places.are_known() && live_heaps() > knobs::kCrowdPerCpu * os::places.cpus(); }
bool should_share(bool shares) {
  if (!os::places.are_known()) return shares;
  const unsigned n = live_heaps();
  const unsigned few = knobs::kOwnSlabHeapsPerCpu * os::places.cpus();
  const unsigned most = knobs::kCrowdPerCpu * os::places.cpus();
  return shares ? n > (few + 1) / 2 && n <= most + most / 8 : n > few && n <= most;
}
bool should_share_at_first() { return live_heaps() > 1 && !is_crowd(); }

void boot_registry() {
  if (os::places.boot(settings.topology_path)) know_places();
  os::on_thread_exit(leave_thread_heap);
  os::note_main_thread();
}

bool registry_lock_is_mine() { return lock.is_mine(); }
bool lock_registry_for_fork(bool patient) { return lock.lock_for_fork(patient); }
// A thread that was about to park its heap is not in the child, but may have counted it already.
// Unchecked: the lock is held, by the fork.
void unlock_registry_after_fork(bool in_child) HAK_UNCHECKED {
  if (in_child) {
    std::size_t total = 0;
    for (const Heap* heap = parked_heaps.front(); heap != nullptr; heap = Waiting::next(heap)) total += heap->parked_bytes;
    parked_total.store_relaxed(total);
    live.store_relaxed(thread_cache.heap != nullptr ? 1 : 0);
  }
  lock.unlock_after_fork(in_child);
}

}  // namespace hakmem
