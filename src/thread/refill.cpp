// Refill: what malloc does when its magazine is empty, and free when its magazine is full.
//
//   refill(c)                              make_room(block, c)
//     load_waiting: spare | inbox | depot    a first, or a longer, magazine
//     load_from_slabs                        else the full one: spare | depot | home
//       shared | attached | listed | new
//
// Mostly once in as many calls as a magazine holds; cold. Any thread, on its own heap.
#include <cerrno>

#include "learn/prefault.hpp"
#include "os/memory.hpp"
#include "thread/heap.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/last_resort.hpp"
#include "thread/prefault.hpp"
#include "thread/registry.hpp"

namespace hakmem {

void* refill(ClassId c) {
  Heap* heap = thread_heap();
  void* block = heap == nullptr ? allocate_after_leaving(c) : heap->refill(c);
  if (block != nullptr) return block;
  find_memory(size_of(c));
  heap = thread_heap();
  block = heap == nullptr ? allocate_after_leaving(c) : heap->refill(c);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

void make_room(void* block, ClassId c) { thread_cache.heap->make_room(block, c); }

void* Heap::pop(ClassId c) { return reinterpret_cast<void*>(*--top(c)); }

void* Heap::refill(ClassId c) {
  if (top(c)[-1] != kEmptyMark) return pop(c);  // the thread has just got a heap that was parked
  ++slow_paths_;
  if ((++refills_ & (refills_per_look_ - 1)) == 0) {
    housekeeping();
    if (seen_away_ == kLooksUntilMove) return refill_on_other_node(c);
  }
  if (!load_waiting(c) && !load_from_slabs(c)) return nullptr;
  if (live_knobs.adapt) count(slow_counts_.blocks, static_cast<std::uint64_t>(top(c) - state(c).loaded->slots()));
  return pop(c);
}

Magazine* Heap::take_from_depot(ClassId c) {
  Depot& here = depot();
  if (!here.may_have(c)) return nullptr;
  const SlowEvent event(slow_counts_, SlowWork::kTakeOver);
  Magazine* bundle = here.take(c);
  if (bundle != nullptr) note_miss(c);
  return bundle;
}

bool Heap::load_waiting(ClassId c) {
  ClassState& s = state(c);
  Inbox& inbox = inboxes_[index_of(c)];
  if (s.spare == nullptr && inbox.has_mail()) {
    const SlowEvent event(slow_counts_, SlowWork::kTakeOver);
    for (Magazine* bundle = inbox.receive(); bundle != nullptr;) {
      Magazine* next = bundle->next.load_relaxed();
      keep_spare(c, bundle);
      bundle = next;
    }
  }
  if (s.spare == nullptr && !is_users_ && (shares() || !is_crowd())) {
    if (Magazine* bundle = take_from_depot(c)) keep_spare(c, bundle);
  }
  Magazine* magazine = s.spare;
  if (magazine == nullptr) return false;
  s.spare = magazine->next.load_relaxed();
  drop_spare_bytes(magazine->count * size_of(c));
  if (s.loaded != nullptr) recycle(unload(c));
  load(c, magazine, magazine->count);
  return true;
}

// Makes sure that an empty magazine is loaded which holds what the next fill brings.
bool Heap::fit_magazine(ClassId c) {
  ClassState& s = state(c);
  if (s.loaded != nullptr && (s.fill <= s.loaded->capacity || !s.loaded->is_short)) return true;
  Magazine* magazine = s.fill <= kShortSlots ? take_short(c) : take_usual(c);
  if (magazine == nullptr) return s.loaded != nullptr;
  if (s.loaded != nullptr) recycle(unload(c));
  load(c, magazine, 0);
  return true;
}

unsigned Heap::take_attached(ClassId c, unsigned n, Slot* out) {
  unsigned taken = 0;
  for (Slab* slab = state(c).attached; slab != nullptr && taken < n; slab = slab->next_attached) {
    taken += slab->take(n - taken, out + taken);
  }
  return taken;
}

// Of what heaps have shared, or of others' of its place, or of a few more of its node, each time others.
Slab* Heap::attach_of_others(ClassId c) {
  if (is_users_) return nullptr;
  const os::Place here = place_.load_relaxed();
  if (Slab* slab = slab_shards.of_class(place_near(), c)->attach(c, id_, shard_, this, !fills_whole_lines(c))) return slab;
  if (Slab* slab = slab_shards.attach_at(here, c, id_, shard_, this, true)) return slab;
  return slab_shards.attach_elsewhere(here, c, id_, shard_, this, refills_);
}

// The slabs before it are full, so this one will be. Of small blocks several lie on a page, so that hardly any is left out; longer
// ones may be taken and not touched.
Slab* Heap::make_own_slab(ClassId c) {
  const auto [slab, fresh] = make_slab(c, id_, shard_, node_, this);
  if (slab == nullptr) return nullptr;
  std::uint8_t& made = state(c).slabs_made;
  if (fresh && size_of(c) <= kMaxTiny && prefault_pays(learn::share_of_next_slab(made))) {
    prefault(slab->base, align_up(shape_of(c).slots * size_of(c), os::memory.page_size));  // all but its tail
  }
  if (made != UINT8_MAX) ++made;
  return slab;
}

// From attached slabs; from the fullest of its own shard, then emptier ones, where it may be that no whole line is free; from
// another's; from a new one; where there is no memory for that, from whatever there is.
unsigned Heap::take_from_slabs(ClassId c, unsigned n, Slot* out) {
  if (unsigned taken = take_attached(c, n, out)) return taken;
  const auto take = [&](Slab* slab) -> unsigned {
    if (slab == nullptr) return 0;
    attach(state(c), slab);
    return slab->take(n, out);
  };
  if (unsigned taken = take(shard_->attach(c, id_, shard_, this, false))) return taken;
  for (unsigned bin = SlabShard::kBins - 1; bin != 0; --bin) {
    if (unsigned taken = take(shard_->attach_of_bin(c, bin, id_, this))) return taken;
  }
  if (unsigned taken = take(attach_of_others(c))) return taken;
  if (unsigned taken = take(make_own_slab(c))) return taken;
  return is_users_ ? 0 : take(slab_shards.attach_at(place_.load_relaxed(), c, id_, shard_, this, false));
}

bool Heap::load_from_slabs(ClassId c) {
  note_miss(c);
  housekeeping();
  const SlowEvent event(slow_counts_, SlowWork::kFromSlabs);
  ClassState& s = state(c);
  const bool on_shared = lives_on_shared(c);
  if (on_shared && !shares() && take_bundle_back(c)) return true;
  if (!fit_magazine(c)) return false;
  const unsigned capacity = s.loaded->capacity;
  const unsigned group = shape_of(c).line_group;
  unsigned n = s.fill < capacity ? s.fill : capacity;
  n -= n % group;

  const unsigned taken = on_shared ? take_shared_blocks(c, n, s.loaded->slots()) : take_from_slabs(c, n, s.loaded->slots());
  if (shares() || !on_shared) {
    const unsigned doubled = s.fill * 2U;
    s.fill = static_cast<std::uint16_t>(doubled < kUsualSlots ? doubled : kUsualSlots);
  }
  load(c, s.loaded, taken);
  return taken != 0;
}

void Heap::make_room(void* block, ClassId c) {
  ClassState& s = state(c);
  if (s.loaded == nullptr || s.loaded->capacity < capacity_of(c)) {
    if (!lengthen_magazine(c)) {
      const Slot lone = reinterpret_cast<Slot>(block);
      return_blocks(this, &lone, 1);
      return;
    }
  } else {
    put_full_away(c);
  }
  free_own(block, c);
}

// A first magazine, or a longer one with the same blocks. False: no memory, nothing has changed.
bool Heap::lengthen_magazine(ClassId c) {
  ClassState& s = state(c);
  if (s.loaded == nullptr) {
    Magazine* magazine = take_short(c);
    if (magazine == nullptr) return false;
    load(c, magazine, 0);
    return true;
  }
  Magazine* longer = take_usual(c);
  if (longer == nullptr) return false;
  Magazine* old = unload(c);
  for (unsigned i = 0; i < old->count; ++i) longer->slots()[i] = old->slots()[i];
  load(c, longer, old->count);
  recycle(old);
  return true;
}

void Heap::send_blocks_home(ClassId c, Magazine* full) {
  const SlowEvent event(slow_counts_, SlowWork::kHome);
  return_blocks(this, full->slots(), full->count);
  drop_empty_slabs(c, 1);
}

// Not what a new thread has: such threads may come by every processor, and leave something at each.
bool Heap::offer_full(ClassId c, Magazine* full) {
  if (is_users_ || is_new_) return false;
  if (shares()) return depot().offer(c, full, knobs::kSharedDepotTimes);
  return fills_whole_lines(c) && depot().offer(c, full);
}

// The loaded magazine is full: afterwards an empty one is loaded.
void Heap::put_full_away(ClassId c) {
  ++slow_paths_;
  Magazine* full = unload(c);
  Magazine* empty = take_usual(c);
  const std::size_t bytes = full->count * size_of(c);
  if (empty != nullptr && (shares() ? has_shared_spare_room(bytes) : has_spare_room(c, bytes))) {
    keep_spare(c, full);
    load(c, empty, 0);
    return;
  }
  if (empty == nullptr || !offer_full(c, full)) {
    send_blocks_home(c, full);
    if (empty != nullptr) recycle(empty);
    empty = full;
    housekeeping();
    const unsigned capacity = capacity_of(c);  // the heap may have come to share
    empty->set_capacity(empty->is_short && capacity > kShortSlots ? kShortSlots : capacity);
  }
  load(c, empty, 0);
}

void Heap::free_own(void* block, ClassId c) { *top(c)++ = reinterpret_cast<Slot>(block); }

}  // namespace hakmem
