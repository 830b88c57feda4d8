#include "large/huge.hpp"

#include <cstring>

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "large/idle_blocks.hpp"
#include "large/new_pages.hpp"
#include "large/room.hpp"
#include "os/memory.hpp"
#include "os/place.hpp"
#include "pages/commitment.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

namespace {

// Held by who collapses, during the system call, and not waited for but by who unmaps that very block.
constinit Lock collapse_lock{LockRank::kCollapse};
constinit Atomic<const Run*> being_collapsed{nullptr};  // set under `lock`

constinit Lock lock{LockRank::kLarge};
constinit List<Run, &Run::in_huge> blocks HAK_GUARDED_BY(lock);
constinit Atomic<std::size_t> total_bytes{0};
constinit Atomic<std::size_t> total_blocks{0};

void publish(Run* run, std::byte* start, std::size_t bytes) {
  run->kind = Kind::kHuge;
  run->first = granule_of(start);
  run->count = Granules{bytes >> kGranuleShift};
  run->block_bytes.store_relaxed(bytes);
  set_asked(run, bytes);
  run->units_seen = 0;
  page_map.set_details(run->first, run);
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kHuge));
  total_bytes.fetch_add_relaxed(bytes);
}

// `kind`: what its first granule is from now on.
void withdraw(Run* run, Kind kind) {
  page_map.set_tags(run->first, Granules{1}, tag_for(kind));
  total_bytes.fetch_sub_relaxed(run->block_bytes.load_relaxed());
}

std::byte* map_uncounted(std::size_t bytes, std::size_t alignment) {
  const std::size_t least = bytes >= kHugePageBytes ? kHugePageBytes : kGranuleBytes;
  std::byte* start = os::memory.map(bytes, alignment > least ? alignment : least, true);
  if (start == nullptr) return nullptr;
  if (!page_map.cover(granule_of(start), Granules{1})) {
    os::memory.unmap(start, bytes);
    return nullptr;
  }
  choose_huge_pages(start, bytes, large_heap_bytes());
  return start;
}

// `growth`: by how much more is committed when the block is in use; reserved here.
std::byte* map_below(std::size_t ceiling, std::size_t bytes, std::size_t alignment,
                     std::size_t growth) {
  if (!commitment.reserve(growth, ceiling)) return nullptr;
  std::byte* start = map_uncounted(bytes, alignment);
  if (start == nullptr) commitment.drop(growth);
  return start;
}

// Beyond the soft limit, or where the system has no more, what is idle makes room first.
std::byte* map_block(std::size_t bytes, std::size_t alignment, std::size_t growth) {
  if (std::byte* start = map_below(commitment.soft(), bytes, alignment, growth)) return start;
  commitment.relieve();
  return map_below(commitment.hard(), bytes, alignment, growth);
}

// Room to grow costs address space only: a growing block moves a few times, not at each step. It is
// half of the size, or what the site's blocks have needed before. `held`: what the block has
// committed already. Room counts as committed, so near the limit there is none, and no more than
// half where there is any limit.
std::byte* map_with_headroom(std::size_t size, std::size_t held, Growth::Site grower,
                             std::size_t* bytes) {
  const std::size_t half = size + size / 2;
  const std::size_t learned = room_is_dear() ? size : growth.room(grower, size);
  if (learned > size) growth.note_granted(grower, size);
  if (learned > half) {
    *bytes = large_length(learned);
    if (std::byte* start = map_below(commitment.soft(), *bytes, kGranuleBytes, *bytes - held))
      return start;
  }
  *bytes = large_length(half);
  if (std::byte* start = map_below(commitment.soft(), *bytes, kGranuleBytes, *bytes - held))
    return start;
  *bytes = align_up(size, kGranuleBytes);
  return map_block(*bytes, kGranuleBytes, *bytes - held);
}

void link(Run* run) {
  const LockGuard guard(lock);
  blocks.push_front(run);
  total_blocks.fetch_add_relaxed(1);
}

void unlink_locked(Run* run) HAK_REQUIRES(lock) {
  blocks.remove(run);
  total_blocks.fetch_sub_relaxed(1);
}

// Pages of the block are about to go, and its record has left them, or the lists: it is not begun with
// again there.
void wait_while_collapsed(const Run* run) {
  if (being_collapsed.load_acquire() != run) return;  // pairs with collapse_next_of_huge()
  const LockGuard guard(collapse_lock);
}

void unmap_counted(Run* run) {
  wait_while_collapsed(run);
  os::memory.unmap(run->start(), run->bytes());
  commitment.drop(run->bytes());
  run_pool_give(run);
}

void destroy_unlinked(Run* run) {
  end_room(run);
  withdraw(run, Kind::kForeign);
  unmap_counted(run);
}

void shorten(Run* run, std::size_t bytes) {
  total_bytes.fetch_sub_relaxed(run->bytes() - bytes);
  run->block_bytes.store_relaxed(bytes);
  run->count = Granules{bytes >> kGranuleShift};
  set_asked(run, bytes);
}

// The block is `bytes` long from now on: first in its record, so that nobody collapses what is
// unmapped then.
void cut_tail(Run* run, std::size_t bytes) {
  const std::size_t excess = run->bytes() - bytes;
  {
    const LockGuard guard(lock);
    shorten(run, bytes);
  }
  wait_while_collapsed(run);
  os::memory.unmap(run->start() + bytes, excess);
  commitment.drop(excess);
}

// The block lies at `start` from now on. The same order: its old pages go when its record has left
// them.
void replace_pages(Run* run, std::byte* start, std::size_t bytes) {
  std::byte* const before = run->start();
  const std::size_t held = run->bytes();
  {
    const LockGuard guard(lock);
    withdraw(run, Kind::kForeign);
    publish(run, start, bytes);
  }
  wait_while_collapsed(run);
  os::memory.unmap(before, held);
}

// The block's own last huge page may reach beyond `from`.
bool is_touched_from(const Run* run, std::size_t from) {
  const std::size_t next = align_up(from, kHugePageBytes);
  return os::resident_pages(run->start() + (next < run->bytes() ? next : from), os::memory.page_size) != 0;
}

// Moves the pages, or copies of what the kernel cannot move the part that is `used`. True: all are moved.
bool move_or_copy(std::byte* from, std::size_t bytes, std::size_t used, std::byte* to) {
  const std::size_t moved = os::memory.move_pages(from, bytes, to);
  if (moved < used) std::memcpy(to + moved, from + moved, used - moved);
  return moved == bytes;
}

}  // namespace

std::size_t large_heap_bytes() { return run_store.mapped_bytes() + total_bytes.load_relaxed(); }

void set_asked(Run* run, std::size_t size) {
  run->asked = size;
  set_hand_class(run);
}

LargeBlock make_huge(std::size_t size, std::size_t alignment, OwnerId heap, learn::Site site) {
  std::size_t bytes = large_length(size);
  Run* run = run_pool_take();
  if (run == nullptr) return {nullptr, false};
  const bool has_small_pages = !may_have_huge_pages(large_heap_bytes());
  std::byte* start = map_block(bytes, alignment, bytes);
  if (start == nullptr) {  // perhaps without the room that makes it as long as its class
    bytes = align_up(size, kGranuleBytes);
    start = map_block(bytes, alignment, bytes);
  }
  if (start == nullptr) {
    run_pool_give(run);
    return {nullptr, false};
  }
  run->node =
      os::places.current_node();  // the kernel gives the node's pages to who touches them first
  run->heap.store_relaxed(heap);
  publish(run, start, bytes);
  if (has_small_pages) {
    begin_new_pages(run, 0, size, site);
  } else {
    begin_used_pages(run);
  }
  link(run);
  return {start, true};
}

void retire_huge(Run* run) {
  {
    const LockGuard guard(lock);
    unlink_locked(run);
  }
  const std::size_t needed = large_length(run->asked);
  const bool splits_huge_page = needed % kHugePageBytes != 0;
  const bool is_too_long = needed < (splits_huge_page ? run->bytes() / 2 : run->bytes());  // idle blocks count by their length
  if (is_too_long && !is_touched_from(run, needed)) cut_tail(run, needed);
  withdraw(run, Kind::kBusy);
}

void revive_huge(Run* run, OwnerId heap) {
  run->heap.store_relaxed(heap);
  publish(run, run->start(), run->bytes());
  link(run);
}

void unmap_huge(Run* run) {
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kForeign));
  unmap_counted(run);
}

void look_for_dense_huge_again() {
  const LockGuard guard(lock);
  for (Run* run = blocks.front(); run != nullptr; run = blocks.next(run)) run->units_seen = 0;
}

namespace {

// The next unit to be looked at; its block is being collapsed from then on. nullptr: there is none. Idle
// blocks are not linked, also lazily freed ones; those in hands are, and are left alone.
std::byte* next_unit() {
  const LockGuard guard(lock);
  for (Run* run = blocks.front(); run != nullptr; run = blocks.next(run)) {
    const bool is_free = page_map.tag_of(run->first) != tag_for(Kind::kHuge);
    if (is_free || (run->units_seen + 1) * kHugePageBytes > run->bytes()) continue;
    being_collapsed.store_relaxed(run);
    return run->start() + run->units_seen++ * kHugePageBytes;
  }
  return nullptr;
}

}  // namespace

// Without the lock, since it takes as long as hundreds of mallocs. The pages stay meanwhile: who is about to
// unmap some of the block has unlinked it, or changed its record, under the lock, and sees that it is being
// collapsed. A block that is freed meanwhile is idle with one more huge page.
bool collapse_next_of_huge(bool* collapsed) {
  if (!collapse_lock.try_lock()) return true;  // another thread is at it
  std::byte* const start = next_unit();
  if (start != nullptr) *collapsed = is_dense(start) && os::memory.collapse(start, kHugePageBytes);
  being_collapsed.store_release(nullptr);  // pairs with wait_while_collapsed()
  collapse_lock.unlock();
  return start != nullptr;
}

void destroy_huge_of(OwnerId heap) {
  for (;;) {
    Run* found = nullptr;
    {
      const LockGuard guard(lock);
      for (Run* run = blocks.front(); run != nullptr && found == nullptr; run = blocks.next(run)) {
        if (run->heap.load_relaxed() == heap) found = run;
      }
      if (found == nullptr) return;
      unlink_locked(found);
    }
    destroy_unlinked(found);
  }
}

void* resize_huge(Run* run, std::size_t size, Growth::Site grower) {
  const std::size_t needed = large_length(size);
  const std::size_t held = run->block_bytes.load_relaxed();
  const std::size_t asked = run->asked;
  const std::size_t usable = usable_bytes_of_huge(run);  // the program may have written to all of it
  const bool grows = size > asked;
  if (needed <= held && needed < asked / 2) {
    cut_tail(run, needed);
    return run->start();
  }
  if (size <= held) {  // perhaps it was made shorter than its class, or has grown to its end
    if (grows) {
      growth.note(grower, size);
      grow_new_pages(run, usable, size, static_cast<learn::Site>(grower));
      set_asked(run, size);
    }
    return run->start();
  }
  std::size_t bytes = 0;
  std::byte* start = map_with_headroom(size, held, grower, &bytes);
  if (start == nullptr) return nullptr;
  move_or_copy(run->start(), run->bytes(), run->bytes(), start);
  replace_pages(run, start, bytes);
  if (grows) {
    growth.note(grower, size);
    grow_new_pages(run, usable, size, static_cast<learn::Site>(grower));
  }
  set_asked(run, size);
  return start;
}

void* move_to_huge(Run* run, std::size_t size, Growth::Site grower) {
  Run* huge = run_pool_take();
  if (huge == nullptr) return nullptr;
  std::size_t bytes = 0;
  std::byte* start = map_with_headroom(size, run->bytes(), grower, &bytes);
  if (start == nullptr) {
    run_pool_give(huge);
    return nullptr;
  }
  end_new_pages(run);
  const bool moved = move_or_copy(run->start(), run->bytes(), run->block_bytes.load_relaxed(), start);
  huge->node = run->node;
  huge->heap.store_relaxed(run->heap.load_relaxed());
  publish(huge, start, bytes);
  set_asked(huge, size);
  growth.note(grower, size);
  begin_used_pages(huge);
  grow_new_pages(huge, run->bytes(), size, static_cast<learn::Site>(grower));
  link(huge);
  commitment.add(run->bytes());  // from here on both count; the old run leaves in a moment
  run_store.release(run, moved);
  return start;
}

std::size_t usable_bytes_of_huge(const Run* run) {
  const std::size_t bytes = run->block_bytes.load_relaxed();
  const std::size_t asked = large_length(run->asked);
  return asked < bytes ? asked : bytes;
}

HugeUse huge_use() { return {total_bytes.load_relaxed(), total_blocks.load_relaxed()}; }

bool large_lock_is_mine() { return lock.is_mine(); }
bool collapse_lock_is_mine() { return collapse_lock.is_mine(); }

bool lock_large_for_fork(bool patient) {
  return collapse_lock.lock_for_fork(patient) && lock.lock_for_fork(patient);
}

void unlock_large_after_fork(bool in_child) {
  lock.unlock_after_fork(in_child);
  collapse_lock.unlock_after_fork(in_child);
}

}  // namespace hakmem
