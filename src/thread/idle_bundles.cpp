#include "thread/idle_bundles.hpp"

#include "os/alarm.hpp"
#include "os/process_barrier.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

constinit Lock lock{LockRank::kIdleBundles};
constinit Atomic<bool> any_open{false};
constinit Atomic<bool> can_close{true};
constinit unsigned looks HAK_GUARDED_BY(lock) = 0;

// A bundle that was opened just when a look began may have gone unnoticed, so now and then all are looked at.
constexpr unsigned kLooksBetween = 32;

// So many gates are closed at a time: their threads may be waiting.
constexpr std::uint32_t kBatch = 64;

template <typename Visit>
void for_each_heap(std::uint32_t begin, std::uint32_t end, Visit visit) {
  for (std::uint32_t id = begin; id < end; ++id) {
    Heap* heap = heap_of(OwnerId{id});
    if (heap != nullptr) visit(heap);
  }
}

// Whether some of these heaps have bundles that may be waiting.
bool empty_batch(std::uint32_t begin, std::uint32_t end) {
  bool waiting = false;
  bool found = false;
  for_each_heap(begin, end, [&](Heap* heap) {
    if (!heap->has_bundles()) return;
    waiting = true;
    if (!heap->bundles_are_idle()) return;
    heap->gate().close();
    found = true;
  });
  if (!found) return waiting;
  const bool may_empty = os::process_barrier();
  can_close.store_relaxed(may_empty);
  for_each_heap(begin, end, [may_empty](Heap* heap) {
    if (!heap->gate().is_closed()) return;
    if (may_empty && !heap->gate().is_busy()) heap->empty_outgoing();
    heap->gate().reopen();
  });
  return waiting;
}

}  // namespace

// Who empties looks at the heaps first: a ring that is missed waits for the next look.
void note_bundle_opened() {
  if (any_open.load_relaxed()) return;
  any_open.store_relaxed(true);
  os::housekeeping_alarm.ring();
}

bool any_open_bundle() { return any_open.load_relaxed() && can_close.load_relaxed(); }

void empty_idle_bundles() {
  const std::uint32_t heaps = owner_count();
  {
    const LockGuard guard(lock);
    if (!any_open.load_relaxed() && ++looks % kLooksBetween != 0) return;
    any_open.store_relaxed(false);
  }
  bool waiting = false;
  for (std::uint32_t begin = 0; begin < heaps && can_close.load_relaxed(); begin += kBatch) {
    const LockGuard guard(lock);
    if (empty_batch(begin, begin + kBatch < heaps ? begin + kBatch : heaps)) waiting = true;
  }
  if (waiting) any_open.store_relaxed(true);
}

void wait_for_emptier() { const LockGuard guard(lock); }

bool idle_bundles_lock_is_mine() { return lock.is_mine(); }
bool lock_idle_bundles_for_fork(bool patient) { return lock.lock_for_fork(patient); }

// A fork that could not wait for the lock has copied gates that nobody in the child will reopen, with bundles
// that may be half emptied: these are left alone for ever. Where the lock is held no gate is closed, or
// its closer is the forking thread, which goes on.
void unlock_idle_bundles_after_fork(bool in_child) {
  if (in_child && !lock.is_mine()) {
    for_each_heap(0, owner_count(), [](Heap* heap) {
      if (!heap->gate().is_closed()) return;
      heap->forget_bundles();
      heap->gate().reopen();
    });
  }
  lock.unlock_after_fork(in_child);
}

}  // namespace hakmem
