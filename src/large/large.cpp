#include "large/large.hpp"

#include <cerrno>

#include "config/knobs.hpp"
#include "config/size_classes.hpp"
#include "large/huge.hpp"
#include "large/idle_blocks.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/last_resort.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

namespace {

Granules alignment_in_granules(std::size_t alignment) {
  return granules_for(alignment > kGranuleBytes ? alignment : kGranuleBytes);
}

void publish(Run* run, OwnerId heap) {
  run->heap.store_relaxed(heap);
  run->is_huge = false;
  run->block_bytes.store_relaxed(run->bytes());
  page_map.set_details(run->first, run);
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kLarge));
}

LargeBlock reuse(Run* run, OwnerId heap) {
  if (run->is_huge) {
    revive_huge(run, heap);
  } else {
    publish(run, heap);
  }
  return {run->start(), false};
}

LargeBlock make_in_store(std::size_t size, std::size_t alignment, OwnerId heap) {
  const Granules granules = alignment_in_granules(alignment);
  AllocatedRun allocated = run_store.allocate(granules_for(large_length(size)), granules);
  if (allocated.run == nullptr) {  // perhaps without the room that makes it as long as its class
    allocated = run_store.allocate(granules_for(size == 0 ? 1 : size), granules);
    if (allocated.run == nullptr) return {nullptr, false};
  }
  publish(allocated.run, heap);
  return {allocated.run->start(), allocated.zeroed};
}

// malloc jumps here without a frame of its own, so the return address is its caller's. Half of it
// tells sites of one process apart.
learn::Site site_of(const void* return_address) {
  return static_cast<learn::Site>(reinterpret_cast<std::uintptr_t>(return_address));
}

Run* run_of(const void* block) { return static_cast<Run*>(page_map.details_of(granule_of(block))); }

// A second free of it finds no block. A user's heap's blocks do not wait: destroying the heap would
// not find them.
void retire(Run* run) {
  if (run->is_huge) {
    retire_huge(run);
  } else {
    page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kBusy));
  }
  if (run->heap.load_relaxed() == kNoOwner) {
    idle_blocks.keep(run);
  } else {
    give_back(run);
  }
}

// In place: the run keeps its start.
bool resize_run(Run* run, std::size_t size) {
  const Granules wanted = granules_for(large_length(size));
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

namespace {

LargeBlock make_once(std::size_t size, std::size_t alignment, OwnerId heap) {
  if (Run* run = idle_blocks.take(size, alignment)) return reuse(run, heap);
  const bool huge = size >= knobs::kHugeFrom || alignment >= knobs::kHugeFrom;
  return huge ? make_huge(size, alignment, heap) : make_in_store(size, alignment, heap);
}

}  // namespace

LargeBlock make_large(std::size_t size, std::size_t alignment, OwnerId heap) {
  if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX / 2) return {nullptr, false};
  const LargeBlock block = make_once(size, alignment, heap);
  if (block.start != nullptr) return block;
  find_memory(size);
  return make_once(size, alignment, heap);
}

void* allocate_large(std::size_t size) {
  boot();
  void* block = make_large(size, kMinAlign, kNoOwner).start;
  if (block == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  run_of(block)->site = site_of(__builtin_return_address(0));
  return block;
}

void free_outside_slabs(void* block, Tag tag) {
  if (block == nullptr) return;
  if (tag == tag_for(Kind::kForeign)) return free_unknown(block);
  if (!starts_large_block(block, tag)) return report_bad_free(block);
  retire(run_of(block));
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

void tick_large(std::uint64_t now_ms) { idle_blocks.tick(now_ms); }
void give_back_idle_large() { idle_blocks.give_all_back(); }
std::size_t idle_large_bytes() { return idle_blocks.held_bytes(); }

}  // namespace hakmem
