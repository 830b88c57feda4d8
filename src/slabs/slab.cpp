#include "slabs/slab.hpp"

#include <cstring>

#include "base/check.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

// Records differ in length by their bitmaps; one pool for each power of two of words.
constexpr unsigned kPools = 7;

struct SlabPool {
  TaggedStack<Slab> free;
};
constinit SlabPool pools[kPools];

unsigned pool_of(const SlabShape& shape) { return static_cast<unsigned>(std::bit_width(shape.words - 1U)); }

Slab* take_record(const SlabShape& shape) {
  const unsigned pool = pool_of(shape);
  if (Slab* slab = pools[pool].free.pop()) return slab;
  void* memory = metadata_allocate(sizeof(Slab) + (std::size_t{2} << pool) * sizeof(std::uint64_t));
  return memory == nullptr ? nullptr : new (memory) Slab;
}

}  // namespace

unsigned Slab::take_groups(unsigned n, std::uintptr_t* out, unsigned group) {
  LocalBitmap mine = local();
  const std::uint32_t free = free_slots();
  if (free == 0) return 0;
  if (local_summary == 0) shared().collect(mine);
  unsigned wanted = free < n ? free : n;
  wanted -= wanted % group;  // (1): more bits than free slots may be visible already
  unsigned taken = 0;
  const auto keep = [&](unsigned slot) { out[taken++] = block_at(slot); };
  mine.take(wanted, group, keep);
  if (taken < wanted) {
    shared().collect(mine);
    mine.take(wanted - taken, group, keep);
  }
  if (wanted != 0 || free < group) has_no_line = taken == 0;
  state.fetch_sub_acq_rel(taken);  // pairs with add_free(): the count never exceeds the bits (1)
  for (unsigned i = 0, j = taken; i + 1 < j; ++i) {
    --j;
    const std::uintptr_t block = out[i];
    out[i] = out[j];
    out[j] = block;
  }
  return taken;
}

MadeSlab make_slab(ClassId size_class, OwnerId owner, SlabShard* shard, os::Node node, const void* heap) {
  const SlabShape& shape = shape_of(size_class);
  Slab* slab = take_record(shape);
  if (slab == nullptr) return {};
  const AllocatedRun allocated = run_store.allocate_on(node, Granules{shape.granules});
  if (allocated.run == nullptr) {
    pools[pool_of(shape)].free.push(slab);
    return {};
  }
  slab->run = allocated.run;
  slab->base = allocated.run->start();
  slab->size_class = size_class;
  slab->listed = false;
  slab->mixed = false;
  slab->has_no_line = false;
  // Release: the end of the record's life before this one, for a late settle() that finds this shard.
  slab->shard.store_release(shard);
  slab->attached_to.store_relaxed(heap);
  slab->local().set_all(shape.slots);
  slab->shared_summary.store_relaxed(0);
  for (unsigned w = 0; w < shape.words; ++w) slab->shared_words()[w].store_relaxed(0);
  slab->state.store_release(Slab::kLive | Slab::kAttached | shape.slots);  // pairs with settle_locked()
  for (std::uint64_t i = 0; i < shape.granules; ++i) page_map.set_details(slab->run->first + i, slab);
  retag_slab(slab, owner);
  return {slab, allocated.fresh};
}

void retag_slab(Slab* slab, OwnerId owner) {
  slab->owner = owner;
  page_map.set_tags(slab->run->first, slab->run->count, tag_for(owner, slab->size_class));
}

void destroy_slab(Slab* slab) {
  Run* run = slab->run;
  const SlabShape& shape = slab->shape();
  slab->attached_to.store_relaxed(nullptr);
  run_store.release(run);
  pools[pool_of(shape)].free.push(slab);
}

}  // namespace hakmem
