#include "large/huge.hpp"

#include <cstring>

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "os/memory.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kHugePage = 2 * kMiB;

constinit Lock lock{LockRank::kLarge};
constinit List<Run, &Run::in_huge> blocks HAK_GUARDED_BY(lock);
constinit Atomic<std::size_t> total_bytes{0};
constinit Atomic<std::size_t> total_blocks{0};

void publish(Run* run, std::byte* start, std::size_t bytes) {
  run->first = granule_of(start);
  run->count = Granules{bytes >> kGranuleShift};
  run->block_bytes.store_relaxed(bytes);
  page_map.set_details(run->first, run);
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kHuge));
  total_bytes.fetch_add_relaxed(bytes);
}

void withdraw(Run* run) {
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kForeign));
  total_bytes.fetch_sub_relaxed(run->block_bytes.load_relaxed());
}

std::byte* map_block(std::size_t bytes, std::size_t alignment) {
  const std::size_t least = bytes >= kHugePage ? kHugePage : kGranuleBytes;
  std::byte* start = os::memory.map(bytes, alignment > least ? alignment : least, true);
  if (start == nullptr) return nullptr;
  if (!page_map.cover(granule_of(start), Granules{1})) {
    os::memory.unmap(start, bytes);
    return nullptr;
  }
  choose_huge_pages(start, bytes, run_store.mapped_bytes() + total_bytes.load_relaxed());
  return start;
}

// Room to grow costs address space only: a growing block moves a few times, not at each step.
std::byte* map_with_headroom(std::size_t size, std::size_t* bytes) {
  for (const std::size_t wanted : {size + size / 2, size}) {
    *bytes = align_up(wanted, kGranuleBytes);
    if (std::byte* start = map_block(*bytes, kGranuleBytes)) return start;
  }
  return nullptr;
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

void unmap_unlinked(Run* run) {
  withdraw(run);
  os::memory.unmap(run->start(), run->bytes());
  run_pool_give(run);
}

// Moves the first `bytes` of the pages, or copies them where the kernel cannot move.
void move_or_copy(std::byte* from, std::size_t bytes, std::byte* to) {
  if (!os::memory.move_pages(from, bytes, to)) std::memcpy(to, from, bytes);
}

}  // namespace

LargeBlock make_huge(std::size_t size, std::size_t alignment, OwnerId heap) {
  const std::size_t bytes = align_up(size == 0 ? 1 : size, kGranuleBytes);
  Run* run = run_pool_take();
  if (run == nullptr) return {nullptr, false};
  std::byte* start = map_block(bytes, alignment);
  if (start == nullptr) {
    run_pool_give(run);
    return {nullptr, false};
  }
  run->heap.store_relaxed(heap);
  publish(run, start, bytes);
  link(run);
  return {start, true};
}

void destroy_huge(Run* run) {
  {
    const LockGuard guard(lock);
    unlink_locked(run);
  }
  unmap_unlinked(run);
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
    unmap_unlinked(found);
  }
}

void* resize_huge(Run* run, std::size_t size) {
  const std::size_t needed = align_up(size, kGranuleBytes);
  const std::size_t held = run->block_bytes.load_relaxed();
  if (needed <= held) {
    const std::size_t excess = held - needed;
    if (excess > held / 2) {
      os::memory.unmap(run->start() + needed, excess);
      total_bytes.fetch_sub_relaxed(excess);
      run->block_bytes.store_relaxed(needed);
      run->count = Granules{needed >> kGranuleShift};
    }
    return run->start();
  }
  std::size_t bytes = 0;
  std::byte* start = map_with_headroom(size, &bytes);
  if (start == nullptr) return nullptr;
  move_or_copy(run->start(), run->bytes(), start);
  withdraw(run);
  os::memory.unmap(run->start(), run->bytes());
  publish(run, start, bytes);
  return start;
}

void* move_to_huge(Run* run, std::size_t size) {
  Run* huge = run_pool_take();
  if (huge == nullptr) return nullptr;
  std::size_t bytes = 0;
  std::byte* start = map_with_headroom(size, &bytes);
  if (start == nullptr) {
    run_pool_give(huge);
    return nullptr;
  }
  const bool moved = os::memory.move_pages(run->start(), run->bytes(), start);
  if (!moved) std::memcpy(start, run->start(), run->bytes());
  huge->heap.store_relaxed(run->heap.load_relaxed());
  publish(huge, start, bytes);
  link(huge);
  run_store.release(run, moved);
  return start;
}

HugeUse huge_use() { return {total_bytes.load_relaxed(), total_blocks.load_relaxed()}; }

bool large_lock_is_mine() { return lock.is_mine(); }
void lock_large_for_fork(bool patient) { lock.lock_for_fork(patient); }
void unlock_large_after_fork(bool in_child) { lock.unlock_after_fork(in_child); }

}  // namespace hakmem
