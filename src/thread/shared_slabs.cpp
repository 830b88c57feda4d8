#include "thread/shared_slabs.hpp"

#include "os/alarm.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

struct alignas(kCacheLine) Start {
  Lock lock{LockRank::kSharedSlabs};
  Slab* slab HAK_GUARDED_BY(lock) = nullptr;
  bool used HAK_GUARDED_BY(lock) = false;  // since the last trim
};
struct PlaceStarts {
  Start of[kClasses];
};
constinit Sharded<PlaceStarts, os::kMostPlaces> starts;
constinit Atomic<bool> any_start{false};  // false: no slab is attached to one, but for one that is being taken from

template <typename Visit>
void for_each_start(Visit visit) {
  starts.for_each([&visit](PlaceStarts& place) {
    for (Start& start : place.of) visit(start);
  });
}

// Of a class all lie in one shard; those of heaps that had their own lie in any, and further ones at other places.
Slab* attach_listed(ClassId c, os::Place place, const Start* start) {
  const OwnerId owner = everybodys_owner(os::places.node_of(place));
  SlabShard* shard = slab_shards.of_class(place, c);
  if (Slab* slab = shard->attach(c, owner, shard, start, false)) return slab;
  if (Slab* slab = slab_shards.attach_at(place, c, owner, shard, start, false)) return slab;
  return slab_shards.attach_elsewhere(place, c, owner, shard, start, os::places.current_cpu());
}

Slab* make_shared(ClassId c, os::Place place, const Start* start) {
  const os::Node node = os::places.node_of(place);
  return make_slab(c, everybodys_owner(node), slab_shards.of_class(place, c), node, start).slab;
}

// Whole lines as long as there are any, then what is left: a slab is used up before the next one is begun.
unsigned take_locked(Start& start, unsigned n, std::uintptr_t* out) HAK_REQUIRES(start.lock) {
  if (start.slab == nullptr) return 0;
  start.slab->mixed = true;
  const unsigned taken = start.slab->take(n, out);
  return taken != 0 ? taken : start.slab->take_split_lines(n, out);
}

// Forgotten first: a fork that could not wait for the lock must not leave it to the child.
void detach_locked(Start& start) HAK_REQUIRES(start.lock) {
  Slab* slab = start.slab;
  start.slab = nullptr;
  if (slab != nullptr) detach(slab);
}

void note_start() {
  any_start.store_relaxed(true);
  os::housekeeping_alarm.ring();
}

}  // namespace

unsigned take_shared(ClassId c, os::Place place, unsigned n, std::uintptr_t* out) {
  Start& start = starts[index_of(place)].of[index_of(c)];
  const LockGuard guard(start.lock);
  start.used = true;
  if (const unsigned taken = take_locked(start, n, out)) return taken;
  detach_locked(start);
  if (!any_start.load_relaxed()) note_start();
  start.slab = attach_listed(c, place, &start);
  if (const unsigned taken = take_locked(start, n, out)) return taken;
  detach_locked(start);  // of a child of a fork that could not wait: it promises blocks that are gone
  start.slab = make_shared(c, place, &start);
  return take_locked(start, n, out);
}

bool any_shared_slab_waits() { return any_start.load_relaxed(); }

void trim_shared_slabs(bool all) {
  if (!any_start.load_relaxed()) return;
  any_start.store_relaxed(false);
  bool any = false;
  for_each_start([all, &any](Start& start) {
    const LockGuard guard(start.lock);
    const bool is_empty = start.slab != nullptr && start.slab->free_slots() == start.slab->shape().slots;
    if (all || !start.used || is_empty) detach_locked(start);
    start.used = false;
    any = any || start.slab != nullptr;
  });
  if (any) any_start.store_relaxed(true);
}

bool make_shared_slabs(unsigned places) { return starts.make(places); }

bool shared_slabs_lock_is_mine() {
  bool mine = false;
  for_each_start([&mine](const Start& start) { mine = mine || start.lock.is_mine(); });
  return mine;
}

bool lock_shared_slabs_for_fork(bool patient) {
  bool done = true;
  for_each_start([&](Start& start) { done = done && start.lock.lock_for_fork(patient); });
  return done;
}

void unlock_shared_slabs_after_fork(bool in_child) {
  for_each_start([in_child](Start& start) { start.lock.unlock_after_fork(in_child); });
}

}  // namespace hakmem
