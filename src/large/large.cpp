#include "large/large.hpp"

#include <cerrno>

#include "config/knobs.hpp"
#include "config/size_classes.hpp"
#include "large/huge.hpp"
#include "large/run_cache.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

namespace {

Granules alignment_in_granules(std::size_t alignment) {
  return granules_for(alignment > kGranuleBytes ? alignment : kGranuleBytes);
}

LargeBlock make_in_store(std::size_t size, std::size_t alignment, OwnerId heap) {
  const Granules count = granules_for(size == 0 ? 1 : size);
  if (alignment <= kGranuleBytes) {
    if (Run* run = run_cache.take(count)) {
      run->heap.store_relaxed(heap);
      page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kLarge));
      return {run->start(), false};
    }
  }
  const AllocatedRun allocated = run_store.allocate(count, alignment_in_granules(alignment));
  Run* run = allocated.run;
  if (run == nullptr) return {nullptr, false};
  run->heap.store_relaxed(heap);
  run->block_bytes.store_relaxed(run->bytes());
  page_map.set_details(run->first, run);
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kLarge));
  return {run->start(), allocated.zeroed};
}

Run* run_of(const void* block) { return static_cast<Run*>(page_map.details_of(granule_of(block))); }

// To the cache; a user's heap's runs go to the store, where destroying it does not find them.
void release_run(Run* run) {
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kBusy));  // a second free finds no block
  if (run->heap.load_relaxed() != kNoOwner || !run_cache.keep(run)) run_store.release(run);
}

// In place: the run keeps its start.
bool resize_run(Run* run, std::size_t size) {
  const Granules wanted = granules_for(size);
  if (count_of(wanted) > count_of(run->count)) {
    if (!run_store.extend(run, wanted, tag_for(Kind::kBusy))) return false;
  } else if (count_of(wanted) < count_of(run->count)) {
    run_store.shrink(run, wanted);
  }
  run->block_bytes.store_relaxed(run->bytes());
  return true;
}

}  // namespace

bool starts_large_block(const void* block, Tag tag) {
  const bool is_block = tag == tag_for(Kind::kLarge) || tag == tag_for(Kind::kHuge);
  return is_block && address_of(granule_of(block)) == block;
}

LargeBlock make_large(std::size_t size, std::size_t alignment, OwnerId heap) {
  if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX / 2) return {nullptr, false};
  const bool huge = size >= knobs::kHugeFrom || alignment >= knobs::kHugeFrom;
  return huge ? make_huge(size, alignment, heap) : make_in_store(size, alignment, heap);
}

void* allocate_large(std::size_t size) {
  boot();
  void* block = make_large(size, kMinAlign, kNoOwner).start;
  if (block == nullptr) errno = ENOMEM;
  return block;
}

void free_outside_slabs(void* block, Tag tag) {
  if (block == nullptr) return;
  if (tag == tag_for(Kind::kForeign)) return free_unknown(block);
  if (!starts_large_block(block, tag)) return report_bad_free(block);
  if (tag == tag_for(Kind::kHuge)) {
    destroy_huge(run_of(block));
  } else {
    release_run(run_of(block));
  }
  do_what_is_due(nullptr, os::now_ms());
}

std::size_t large_bytes(const void* block) { return run_of(block)->block_bytes.load_relaxed(); }

void* resize_large(void* block, std::size_t size) {
  if (size > PTRDIFF_MAX) return nullptr;
  Run* run = run_of(block);
  if (page_map.tag_of(block) == tag_for(Kind::kHuge)) return resize_huge(run, size);
  if (size < knobs::kHugeFrom && resize_run(run, size)) return block;
  const std::size_t held = run->block_bytes.load_relaxed();
  if (held < knobs::kMoveFrom || size < held) return nullptr;
  return move_to_huge(run, size);
}

void destroy_large_of(OwnerId heap) {
  destroy_huge_of(heap);
  // In batches: a run cannot be released while the store is being walked.
  constexpr unsigned kBatch = 256;
  Run* found[kBatch];
  unsigned n = 0;
  do {
    n = 0;
    run_store.for_each_granule([&](Granule g, Tag tag) {
      if (n == kBatch || tag != tag_for(Kind::kLarge)) return;
      Run* run = static_cast<Run*>(page_map.details_of(g));
      if (run->heap.load_relaxed() == heap) found[n++] = run;
    });
    for (unsigned i = 0; i < n; ++i) run_store.release(found[i]);
  } while (n == kBatch);
}

void trim_large(bool all) { run_cache.trim(all); }
std::size_t large_bytes_cached() { return run_cache.held_bytes(); }

}  // namespace hakmem
