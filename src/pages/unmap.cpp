// Unmap: regions, or parts of them, that are free as a whole go back to the system when it has no more memory for the program:
// below a limit on address space (ulimit -v) or data (-d) what is mapped counts, used or not.
//
//   region   | unit | unit | unit | unit | unit |
//   free     ...........|  clean, as the region asked  |...     the three middle ones go: two regions are left
//
// Only clean units go, so everything idle is purged before; not those that differ from their region, which takes a mapping to tell.
#include <utility>

#include "base/bits.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

}  // namespace

// The first units of a free run that may go, side by side in one region. None: it has none.
RunStore::Span RunStore::whole_units_locked(const Run* run) {
  if (run->dirty != 0) return {};
  const std::uint64_t end = start_of_unit(index_of(run->first + run->count));
  Span span{Granule{align_up(index_of(run->first), kUnit)}, Granules{0}};
  const Region* region = nullptr;
  while (index_of(span.first + span.count) < end) {
    const Granule unit = span.first + span.count;
    if (region == nullptr || !region->holds(unit)) {
      if (count_of(span.count) != 0) return span;
      region = region_of_locked(unit);
    }
    const bool may_go = region->tracks_units() && region->is_huge_at(unit) == region->huge;
    if (may_go) span.count = span.count + Granules{kUnit};
    else if (count_of(span.count) != 0) return span;
    else span.first = span.first + kUnit;
  }
  return span;
}

// What is before and behind the span stays. False: there is no room for another region.
bool RunStore::cut_region_locked(Span span) {
  Region* const region = region_of_locked(span.first);
  const Granule end = region->first + region->count;
  const Granule behind = span.first + span.count;
  if (span.first == region->first) {
    region->first = behind;
    region->count = end - behind;
    if (count_of(region->count) == 0) *region = regions_[--region_count_];
    return true;
  }
  if (behind != end) {
    if (region_count_ == kMaxRegions) return false;
    Region& rest = regions_[region_count_++];
    rest = *region;
    rest.first = behind;
    rest.count = end - behind;
  }
  region->count = span.first - region->first;
  return true;
}

// Likewise of the free run; `spare` is a record for what is behind.
bool RunStore::cut_free_locked(Run* run, Span span, Run** spare) {
  const Granule end = run->first + run->count;
  const Granule behind = span.first + span.count;
  const bool is_begun = span.first != run->first;
  if ((is_begun && behind != end && *spare == nullptr) || !cut_region_locked(span)) return false;
  remove_locked(run);
  page_map.set_tags(span.first, span.count, tag_for(Kind::kForeign));
  mapped_.fetch_sub_relaxed(count_of(span.count));
  if (is_begun) {
    run->count = span.first - run->first;
    insert_locked(run);
    if (behind != end) run = std::exchange(*spare, nullptr);
  }
  if (behind != end) {
    run->first = behind;
    run->count = end - behind;
    run->dirty = 0;
    run->node = node_;
    insert_locked(run);
  } else if (!is_begun) {
    run_pool_give(run);
  }
  return true;
}

// None: no free run has any.
RunStore::Span RunStore::take_whole_units_locked(Run** spare) {
  if (being_collapsed_ != 0) return {};
  for (unsigned bin = bin_of(Granules{kUnit}); bin < kBins; ++bin) {
    for (Run* run = bins_[bin].front(); run != nullptr; run = BinList::next(run)) {
      const Span span = whole_units_locked(run);
      if (count_of(span.count) == 0 || !cut_free_locked(run, span, spare)) continue;
      for (Granule& seen : units_seen_) {
        if (index_of(seen) - index_of(span.first) < count_of(span.count)) seen = Granule{0};
      }
      collapse_region_ = 0;
      collapse_granule_ = 0;
      return span;
    }
  }
  return {};
}

void RunStore::unmap_free() {
  const LockGuard growth_guard(growth_lock_);
  Run* spare = nullptr;
  Span span;
  do {
    if (spare == nullptr) spare = run_pool_take();
    {
      const LockGuard guard(lock_);
      span = take_whole_units_locked(&spare);
    }
    if (count_of(span.count) != 0) os::memory.unmap(address_of(span.first), bytes_of(span.count));
  } while (count_of(span.count) != 0);
  if (spare != nullptr) run_pool_give(spare);
}

}  // namespace hakmem
