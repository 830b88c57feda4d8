// Refill: what malloc does when its magazine is empty, and free when its magazine is full.
//
//   refill(c)                              make_room(block, c)
//     load_waiting: spare | inbox | depot    a first, or a longer, magazine
//     load_from_slabs                        else the full one: spare | depot | home
//       shared start | attached | listed | new
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
#include "thread/shared_start.hpp"

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
  if ((++refills_ & (refills_per_look_ - 1)) == 0) {
    housekeeping();
    if (seen_away_ == kLooksUntilMove) return refill_on_other_node(c);
  }
  if (!load_waiting(c) && !load_from_slabs(c)) return nullptr;
  if (live_knobs.adapt) count(slow_counts_.blocks, static_cast<std::uint64_t>(top(c) - state(c).loaded->slots()));
  return pop(c);
}

Magazine* Heap::take_from_depot(ClassId c) {
  Depot& depot = depots[place_.load_relaxed()];
  if (!depot.may_have(c)) return nullptr;
  const SlowEvent event(slow_counts_, SlowWork::kTakeOver);
  Magazine* bundle = depot.take(c);
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
  if (s.spare == nullptr && !is_users_ && !is_crowd()) {
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

// From its own shard, else a roomy one from another's here, else from a few more places of its node,
// each time others.
Slab* Heap::attach_listed(ClassId c) {
  if (Slab* slab = shard_->attach(c, id_, shard_, this, false)) return slab;
  if (is_users_) return nullptr;
  const unsigned here = index_of(place_.load_relaxed());
  const unsigned all = os::places.places();
  const unsigned asked = all < kPlacesAsked ? all : kPlacesAsked;
  for (unsigned i = 0; i < asked; ++i) {
    const unsigned further = i == 0 ? 0 : 1 + (refills_ + i) % (all - 1);
    const os::Place place{static_cast<std::uint8_t>((here + further) % all)};
    if (os::places.node_of(place) != node_) continue;
    if (Slab* slab = slab_shards.attach_roomy(place, c, id_, shard_, this)) return slab;
  }
  return nullptr;
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

unsigned Heap::take_from_slabs(ClassId c, unsigned n, Slot* out) {
  ClassState& s = state(c);
  if (unsigned taken = take_attached(c, n, out)) return taken;
  if (Slab* slab = attach_listed(c)) {
    attach(s, slab);
    if (unsigned taken = slab->take(n, out)) return taken;  // 0: no whole line free in it
  }
  Slab* slab = make_own_slab(c);
  if (slab == nullptr) return 0;
  attach(s, slab);
  return slab->take(n, out);
}

// Among many heaps for a class's first blocks; for middle ones, and in a crowd for all, as long as it has no slab
// of the class.
bool Heap::lives_on_shared(ClassId c) {
  if (HAK_LIKELY(!many_heaps())) return false;
  const ClassState& s = state(c);
  if (s.from_shared < knobs::kSharedStartBytes) return true;
  return s.attached == nullptr && (size_of(c) > knobs::kAlwaysSharedAbove || is_crowd());
}

bool Heap::load_from_slabs(ClassId c) {
  note_miss(c);
  housekeeping();
  const SlowEvent event(slow_counts_, SlowWork::kFromSlabs);
  ClassState& s = state(c);
  const bool on_shared = !is_users_ && lives_on_shared(c);
  if (on_shared && take_bundle_back(c)) return true;
  if (!fit_magazine(c)) return false;
  const unsigned capacity = s.loaded->capacity;
  const unsigned group = shape_of(c).line_group;
  unsigned n = s.fill < capacity ? s.fill : capacity;
  n -= n % group;

  unsigned taken = 0;
  if (on_shared) {
    taken = take_shared_start(c, n, s.loaded->slots());
    s.from_shared += static_cast<std::uint32_t>(taken * size_of(c));
  } else {
    const unsigned doubled = s.fill * 2U;
    s.fill = static_cast<std::uint16_t>(doubled < kUsualSlots ? doubled : kUsualSlots);
  }
  if (taken == 0) taken = take_from_slabs(c, n, s.loaded->slots());
  load(c, s.loaded, taken);
  return taken != 0;
}

void Heap::make_room(void* block, ClassId c) {
  ClassState& s = state(c);
  if (s.loaded == nullptr || s.loaded->capacity < magazine_capacity(c)) {
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

// The loaded magazine is full: afterwards an empty one is loaded.
void Heap::put_full_away(ClassId c) {
  Magazine* full = unload(c);
  Magazine* empty = take_usual(c);
  if (empty != nullptr && has_spare_room(c, full->count * size_of(c))) {
    keep_spare(c, full);
    load(c, empty, 0);
    return;
  }
  if (empty == nullptr || is_users_ || !depots[place_.load_relaxed()].offer(c, full)) {
    send_blocks_home(c, full);
    if (empty != nullptr) recycle(empty);
    empty = full;
    housekeeping();
  }
  load(c, empty, 0);
}

void Heap::free_own(void* block, ClassId c) { *top(c)++ = reinterpret_cast<Slot>(block); }

}  // namespace hakmem
