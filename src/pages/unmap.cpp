// Unmap: units of regions that are free and clean go back to the system when it has no more address space for the program: below
// a limit on that (ulimit -v) or on data (-d) what is mapped counts, used or not.
//
//   region   | unit | unit | unit | unit | unit |
//   free     ...........| clean.................| dirty     the three middle ones go: two regions are left
//
// Everything idle is purged before. What is dirty nevertheless, and a unit that is being collapsed, stays.
#include <utility>

#include "base/bits.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

std::uint64_t count_dirty(Granule first, Granule end) { return count_tagged(first, end - first, Kind::kFreeDirty); }

}  // namespace

bool RunStore::may_unmap_locked(Granule unit, const Region& region) {
  for (const Granule busy : being_collapsed_) {
    if (busy == unit) return false;
  }
  return region.tracks_units() && count_tagged(unit, Granules{kUnit}, Kind::kFreeClean) == kUnit;
}

// The first units of a free run that may go, side by side in one region. None: it has none.
RunStore::Span RunStore::whole_units_locked(const Run* run) {
  const std::uint64_t end = start_of_unit(index_of(run->first + run->count));
  Span span{Granule{align_up(index_of(run->first), kUnit)}, Granules{0}};
  const Region* region = nullptr;
  while (index_of(span.first + span.count) < end) {
    const Granule unit = span.first + span.count;
    if (region == nullptr || !region->holds(unit)) {
      if (count_of(span.count) != 0) return span;
      region = region_of_locked(unit);
    }
    if (may_unmap_locked(unit, *region)) span.count = span.count + Granules{kUnit};
    else if (count_of(span.count) != 0) return span;
    else span.first = span.first + kUnit;
  }
  return span;
}

// A region that comes apart takes another entry, of which new ones need some.
bool RunStore::has_room_to_cut_locked(Span span) {
  const Region* const region = region_of_locked(span.first);
  const bool is_in_the_middle = span.first != region->first && span.first + span.count != region->first + region->count;
  return !is_in_the_middle || region_count_ < kMaxRegions / 4;
}

void RunStore::cut_region_locked(Span span) {
  Region* const region = region_of_locked(span.first);
  for (std::uint64_t i = 0; i < count_of(span.count); i += kUnit) mark_unit_locked(region, span.first + i, region->huge);
  const Granule end = region->first + region->count;
  const Granule behind = span.first + span.count;
  if (span.first == region->first) {
    region->first = behind;
    region->count = end - behind;
    if (count_of(region->count) == 0) *region = regions_[--region_count_];
    return;
  }
  if (behind != end) {
    Region& rest = regions_[region_count_++];
    rest = *region;
    rest.first = behind;
    rest.count = end - behind;
  }
  region->count = span.first - region->first;
}

// What is before and behind the span stays free, as old as it was; `*spare` is a record for what is behind.
void RunStore::cut_free_locked(Run* run, Span span, Run** spare) {
  const Granule first = run->first;
  const Granule end = run->first + run->count;
  const Granule behind = span.first + span.count;
  remove_locked(run);
  Run* const younger = AgeList::next(run);
  if (run->dirty > 0) age_.remove(run);
  const auto keep = [&](Run* part, Granule from, Granule to) HAK_UNCHECKED {
    part->first = from;
    part->count = to - from;
    part->dirty = count_dirty(from, to);
    part->freed_at_ms = run->freed_at_ms;
    part->node = node_;
    insert_locked(part);
    if (part->dirty > 0) age_.insert_before(part, younger);
  };
  if (behind != end) keep(std::exchange(*spare, nullptr), behind, end);
  if (span.first != first) keep(run, first, span.first);
  else run_pool_give(run);
}

// None: no free run has any, or the system does not take them.
RunStore::Span RunStore::unmap_next_locked(Run** spare) {
  for (unsigned bin = bin_of(Granules{kUnit}); bin < kBins; ++bin) {
    for (Run* run = bins_[bin].front(); run != nullptr; run = BinList::next(run)) {
      const Span span = whole_units_locked(run);
      if (count_of(span.count) == 0 || !has_room_to_cut_locked(span)) continue;
      if (!os::memory.unmap(address_of(span.first), bytes_of(span.count))) return {};
      cut_free_locked(run, span, spare);
      cut_region_locked(span);
      page_map.set_tags(span.first, span.count, tag_for(Kind::kForeign));
      mapped_.fetch_sub_relaxed(count_of(span.count));
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

bool RunStore::unmap_free() {
  const LockGuard growth_guard(growth_lock_);
  Run* spare = run_pool_take();
  bool any = false;
  while (spare != nullptr) {
    const LockGuard guard(lock_);
    if (count_of(unmap_next_locked(&spare).count) == 0) break;
    any = true;
    if (spare == nullptr) spare = run_pool_take();
  }
  if (spare != nullptr) run_pool_give(spare);
  return any;
}

}  // namespace hakmem
