// Huge units: 2 MiB of address space that one huge page backs, or none.
//
// Runs fill units from the lowest address up, so that the upper ones empty. A unit that has emptied
// goes back whole, like any free run; a free part of one that is in use waits longer
// (live_knobs.huge_hold_ms), because giving it back breaks the huge page.
#include "config/live_knobs.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

// Granules that are looked at for what has been touched.
constexpr std::uint64_t kSampled = 256;

bool is_free(Granule g) {
  const Tag tag = page_map.tag_of(g);
  return tag == tag_for(Kind::kFreeClean) || tag == tag_for(Kind::kFreeDirty);
}

std::uint64_t used_in_unit(Granule first) {
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < kUnit; ++i) used += is_free(first + i) ? 0 : 1;
  return used;
}

}  // namespace

UnitUse RunStore::unit_use() {
  const LockGuard guard(lock_);
  UnitUse use{};
  for (unsigned i = 0; i < region_count_; ++i) {
    if (!regions_[i].huge) continue;
    use.wanted_bytes += bytes_of(regions_[i].count);
    for (std::uint64_t k = 0; k < count_of(regions_[i].count); k += kUnit) {
      const std::uint64_t used = used_in_unit(regions_[i].first + k);
      if (used == kUnit) ++use.full;
      if (used == 0 || used == kUnit) continue;
      ++use.part;
      use.waste_bytes += (kUnit - used) * kGranuleBytes;
    }
  }
  return use;
}

// The share of small pages in use that are resident, from a sample of the regions without huge
// pages; below 0: there is nothing to look at.
double RunStore::touched_share_locked() {
  std::uint64_t looked_at = 0;
  std::uint64_t resident = 0;
  const std::uint64_t stride = mapped_.load_relaxed() / kSampled + 1;
  for (unsigned i = 0; i < region_count_; ++i) {
    if (regions_[i].huge) continue;
    for (std::uint64_t k = 0; k < count_of(regions_[i].count); k += stride) {
      const Granule g = regions_[i].first + k;
      if (is_free(g)) continue;
      looked_at += kGranuleBytes / os::memory.page_size;
      resident += os::resident_pages(address_of(g), kGranuleBytes);
    }
  }
  return looked_at == 0 ? -1 : static_cast<double>(resident) / static_cast<double>(looked_at);
}

bool RunStore::asks_by_bill() const {
  return settings.huge_pages == HugePagePolicy::kAuto && huge_choice_ != nullptr &&
         mapped_bytes() >= knobs::kHugeQuestionFrom;
}

bool RunStore::wants_huge_locked() {
  if (!asks_by_bill()) return wants_huge_pages(mapped_bytes());
  const double share = touched_share_locked();
  return share < 0 ? wants_huge_pages(mapped_bytes()) : huge_choice_->asks(share);
}

// For a new region, of which nothing has been touched. False: it has none, but the first perhaps.
bool RunStore::get_huge_pages_locked(std::byte* start, std::size_t bytes) {
  constexpr std::size_t kFirst = kUnit * kGranuleBytes;
  if (!ask_for_huge_pages(start, bytes, wants_huge_locked())) return false;
  if (!asks_by_bill() || bytes <= kFirst || huge_choice_->goes_on(start)) return true;
  os::memory.advise_huge(start + kFirst, bytes - kFirst, false);
  return false;
}

bool RunStore::is_in_huge_region_locked(const Run* run) {
  if (!any_huge_.load_relaxed()) return false;
  for (unsigned i = 0; i < region_count_; ++i) {
    const Region& region = regions_[i];
    if (index_of(run->first) - index_of(region.first) < count_of(region.count)) return region.huge;
  }
  return false;
}

// Whether what would go back is less than a huge page, of a region that may have some.
bool RunStore::is_part_of_huge_locked(const Run* run) {
  return run->dirty < kUnit && is_in_huge_region_locked(run);
}

// Whether its delay is over.
bool RunStore::is_old_locked(const Run* run, std::uint64_t now_ms) {
  if (run->freed_at_ms + delay_ms() > now_ms) return false;
  const std::uint64_t hold = live_knobs.huge_hold_ms;
  return hold <= settings.purge_delay_ms || run->freed_at_ms + hold <= now_ms ||
         !is_part_of_huge_locked(run);
}

}  // namespace hakmem
