#include "thread/idle_bundles.hpp"

#include "os/alarm.hpp"
#include "os/process_barrier.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

constinit Lock lock{LockRank::kIdleBundles};
constinit Atomic<bool> any_open{false};
constinit bool can_close HAK_GUARDED_BY(lock) = true;

template <typename Visit>
void for_each_heap(Visit visit) {
  for (std::uint32_t id = 0; id < owner_count(); ++id) {
    Heap* heap = heap_of(OwnerId{id});
    if (heap != nullptr) visit(heap);
  }
}

}  // namespace

// Who empties looks at the heaps first: a ring that is missed waits for the next look.
void note_bundle_opened() {
  if (any_open.load_relaxed()) return;
  any_open.store_relaxed(true);
  os::housekeeping_alarm.ring();
}

bool any_open_bundle() { return any_open.load_relaxed(); }

void empty_idle_bundles() {
  const LockGuard guard(lock);
  if (!can_close) return;
  any_open.store_relaxed(false);
  bool waiting = false;
  bool found = false;
  for_each_heap([&](Heap* heap) {
    if (!heap->has_bundles()) return;
    waiting = true;
    if (!heap->bundles_are_idle()) return;
    heap->gate().close();
    found = true;
  });
  if (waiting) any_open.store_relaxed(true);
  if (!found) return;
  const bool may_empty = os::process_barrier();
  can_close = may_empty;
  for_each_heap([may_empty](Heap* heap) {
    if (!heap->gate().is_closed()) return;
    if (may_empty && !heap->gate().is_busy()) heap->empty_outgoing();
    heap->gate().reopen();
  });
}

void wait_for_emptier() { const LockGuard guard(lock); }

bool idle_bundles_lock_is_mine() { return lock.is_mine(); }
void lock_idle_bundles_for_fork(bool patient) { lock.lock_for_fork(patient); }

// A fork that could not wait for the lock has copied gates that nobody in the child will reopen.
void unlock_idle_bundles_after_fork(bool in_child) {
  if (in_child) for_each_heap([](Heap* heap) { heap->gate().reopen(); });
  lock.unlock_after_fork(in_child);
}

}  // namespace hakmem
