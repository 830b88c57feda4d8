#include "thread/shared_start.hpp"

#include "config/knobs.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

struct alignas(kCacheLine) Start {
  Lock lock{LockRank::kSharedStart};
  Slab* slab HAK_GUARDED_BY(lock) = nullptr;
};
struct NodeStarts {
  Start of[kClasses];
};
constinit Sharded<NodeStarts, os::kMostNodes> starts;

template <typename Visit>
void for_each_start(Visit visit) {
  starts.for_each([&visit](NodeStarts& node) {
    for (Start& start : node.of) visit(start);
  });
}

// So many blocks at once that a thread which wants one block holds little memory for it.
constexpr std::size_t kStartBytes = 512;

Slab* next_slab(ClassId c, Start* start) {
  const os::Place here = os::places.current();
  const os::Node node = os::places.node_of(here);
  const OwnerId owner = shared_owner(node);
  SlabShard* shard = slab_shards.of(here, owner);
  Slab* slab = shard->attach(c, owner, shard, start, true);
  if (slab == nullptr) slab = make_slab(c, owner, shard, node, start).slab;
  if (slab != nullptr) slab->mixed = true;
  return slab;
}

}  // namespace

unsigned take_shared_start(ClassId c, unsigned n, std::uintptr_t* out) {
  Start& start = starts[index_of(os::places.current_node())].of[index_of(c)];
  const unsigned group = shape_of(c).line_group;
  const auto few =
      static_cast<unsigned>(align_up(clamp_size(kStartBytes / size_of(c), 1, n), group));
  const LockGuard guard(start.lock);
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (start.slab != nullptr) {
      if (const unsigned taken = start.slab->take(few, out)) return taken;
      detach(start.slab);
    }
    start.slab = next_slab(c, &start);
    if (start.slab == nullptr) return 0;
  }
  return start.slab->take(few, out);
}

bool make_shared_starts(unsigned nodes) { return starts.make(nodes); }

bool shared_start_lock_is_mine() {
  bool mine = false;
  for_each_start([&mine](const Start& start) { mine = mine || start.lock.is_mine(); });
  return mine;
}

void lock_shared_start_for_fork(bool patient) {
  for_each_start([patient](Start& start) { start.lock.lock_for_fork(patient); });
}

void unlock_shared_start_after_fork(bool in_child) {
  for_each_start([in_child](Start& start) { start.lock.unlock_after_fork(in_child); });
}

}  // namespace hakmem
