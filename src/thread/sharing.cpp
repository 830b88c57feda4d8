// Sharing: among many heaps all of a node live on common slabs, and so does each that has just begun.
//
//   few heaps    a heap has slabs of its own, tagged with its id; others' blocks leave it in bundles
//   many         slabs are everybody's, under one tag, and so every heap frees their blocks as its own; what it has too much of
//                goes to its processor's depot (depot.hpp), else home
//   a new one    the same until it has worked for a while, unless its thread is the only one, but nothing goes to the depot
//   a crowd      the same slabs, but no heap's own: what is freed leaves in bundles, which others empty while its
//                thread sleeps (idle_bundles.hpp)
//
// A heap changes when a thread takes it, when it is new no longer, and at its thread's next slow path after the number of heaps has
// changed, but that once a second at most. What it has goes home then; blocks that the program has keep their old tag until their slab is
// attached again.
//
// Many threads on few processors hold their caches while they wait for their turn, so these are short, and slabs are
// filled by all. In exchange a line of small blocks may come to lie with two threads, one after the other has freed its
// part of it: with slabs of their own it cannot.
#include "thread/heap.hpp"
#include "thread/registry.hpp"
#include "thread/shared_slabs.hpp"

namespace hakmem {

void Heap::share_or_not() {
  if (is_users_) return;
  const bool was_new = is_new_;
  is_new_ = was_new && slow_paths_ < knobs::kSlowPathsOnShared && should_share_at_first();
  const bool had_better_share = is_new_ || should_share(shares() && !was_new);
  if (HAK_UNLIKELY(had_better_share != shares())) become(shares() ? id_ : everybodys_owner(node_));
}

void Heap::look_whether_to_share(std::uint64_t now_ms) {
  if (is_new_) return share_or_not();
  if (now_ms < changed_at_ms_ + knobs::kFlushMs) return;
  const bool before = shares();
  share_or_not();
  if (shares() != before) changed_at_ms_ = now_ms;
}

void Heap::become(OwnerId owner) {
  flush_foreign();  // bundles' keys are relative to the tag
  for (std::size_t i = 0; i < kClasses; ++i) close_class(ClassId{static_cast<std::uint8_t>(i)});
  owner_ = owner;
  bear_tag();
  if (!shares()) open_inboxes();
}

// In a crowd only a heap that has no slab of the class.
bool Heap::lives_on_shared(ClassId c) {
  if (shares()) return true;
  return HAK_UNLIKELY(is_crowd()) && !is_users_ && state(c).attached == nullptr;
}

unsigned Heap::take_shared_blocks(ClassId c, unsigned n, Slot* out) {
  const std::size_t bytes = shares() ? knobs::kSharedFillBytes : knobs::kCrowdFillBytes;
  const std::size_t few = align_up(clamp_size(bytes / size_of(c), 1, n), shape_of(c).line_group);
  return take_shared(c, place_near(), static_cast<unsigned>(few), out);
}

// Where the thread runs, if the heap's memory is there. Few heaps use few places: threads that come one after another run all over a large
// machine, and would leave slabs at every place.
os::Place Heap::place_near() const {
  if (HAK_LIKELY(os::places.places() == 1)) return os::Place{0};
  const os::Place here = os::places.current();
  const os::Place near = os::places.node_of(here) == node_ ? here : place_.load_relaxed();
  return os::places.among_first(live_heaps() / os::kCpusPerPlace + 1, near);
}

// Where its full magazines go, and where it finds those of others.
Depot& Heap::depot() {
  return shares() ? depots.of_cpu(place_near(), os::places.current_cpu()) : depots[place_.load_relaxed()];
}

}  // namespace hakmem
