// Huge units: 2 MiB of address space that one huge page backs, or none.
//
// A run goes where it fits best, then to the lowest address: a unit that is nearly empty has long free
// runs, so it is left to drain while others have room. A free part of one that is in use waits longer
// (live_knobs.huge_hold_ms), because giving it back splits the huge page. What is left is small pages until
// it has emptied: then the unit goes back whole, and may have a huge page again.
#include "base/bits.hpp"
#include "config/live_knobs.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

// Of 65,530 mappings that a process may have, what units that are not as their region take at most: two each. Of all nodes.
constexpr unsigned kMostOddUnits = 4096;

unsigned most_odd_units() { return kMostOddUnits / os::places.nodes(); }

// Granules that are looked at for what has been touched.
constexpr std::uint64_t kSampled = 256;

}  // namespace

std::uint64_t used_in_unit(Granule first) {
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < kUnit; ++i) used += is_free(page_map.tag_of(first + i)) ? 0 : 1;
  return used;
}

UnitUse RunStore::unit_use() {
  const LockGuard guard(lock_);
  UnitUse use{};
  use.collapsed_bytes = collapsed_.load_relaxed() * kUnit * kGranuleBytes;
  for (unsigned i = 0; i < region_count_; ++i) {
    for (std::uint64_t k = 0; k < count_of(regions_[i].count); k += kUnit) {
      if (!regions_[i].is_huge_at(regions_[i].first + k)) continue;
      if (regions_[i].huge) use.wanted_bytes += kUnit * kGranuleBytes;
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
// pages; below 0: there is nothing to look at. Unchecked: under the growth lock regions stay as they are, and a tag may
// change at any time in a sample.
double RunStore::touched_share() HAK_UNCHECKED {
  std::uint64_t looked_at = 0;
  std::uint64_t resident = 0;
  const std::uint64_t stride = mapped_.load_relaxed() / kSampled + 1;
  for (unsigned i = 0; i < region_count_; ++i) {
    if (regions_[i].huge) continue;
    for (std::uint64_t k = 0; k < count_of(regions_[i].count); k += stride) {
      const Granule g = regions_[i].first + k;
      if (is_free(page_map.tag_of(g)) || is_huge_at(g)) continue;
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

// What is never touched of a huge page is resident and not committed, which a hard limit does not allow for.
bool RunStore::wants_huge() {
  if (settings.huge_pages == HugePagePolicy::kAuto && commitment.hard() != SIZE_MAX) return false;
  if (!asks_by_bill()) return wants_huge_pages(mapped_bytes());
  const double share = touched_share();
  return share < 0 ? wants_huge_pages(mapped_bytes()) : huge_choice_->asks(share);
}

// What is split has to be told, or the kernel makes it huge again.
bool RunStore::leaves_room_for_splits_locked() { return odd_units_ < most_odd_units() / 2; }

// For a new region, of which nothing has been touched. Without them it is told so where the system gives none unasked, too:
// units of it that have had one and are small again then join the mapping they left.
bool RunStore::get_huge_pages(std::byte* start, std::size_t bytes) {
  if (!system_has_huge_pages()) return false;
  const bool wanted = wants_huge();
  os::memory.advise_huge(start, bytes, wanted);
  return wanted;
}

Region* RunStore::region_of_locked(Granule g) {
  for (unsigned i = 0; i < region_count_; ++i) {
    if (regions_[i].holds(g)) return &regions_[i];
  }
  return nullptr;
}

// Whether its region asks for huge pages.
bool RunStore::has_asked_locked(Granule g) {
  if (!any_huge_region_.load_relaxed()) return false;
  const Region* region = region_of_locked(g);
  return region != nullptr && region->huge;
}

bool RunStore::is_huge_at_locked(Granule g) {
  if (!any_huge_.load_relaxed()) return false;
  const Region* region = region_of_locked(g);
  return region != nullptr && region->is_huge_at(g);
}

bool RunStore::is_huge_at(Granule g) {
  const LockGuard guard(lock_);
  return is_huge_at_locked(g);
}

// Puts a unit on small pages or lets it have a huge one again. Without telling the kernel its
// daemon would put what is left of a split unit on a huge page again, as slowly as it does that, and all that has been
// given back would be resident. Each unit told otherwise than its region is a mapping more. False: it stays.
bool RunStore::set_unit_locked(Region* region, Granule first, bool huge) {
  if (region->is_huge_at(first) == huge) return true;
  if (!mark_unit_locked(region, first, huge)) return false;
  os::memory.advise_huge(address_of(first), kUnit * kGranuleBytes, huge);
  return true;
}

bool RunStore::mark_unit_locked(Region* region, Granule first, bool huge) {
  if (region->is_huge_at(first) == huge) return true;
  const bool odd = huge != region->huge;
  if (!region->tracks_units() || (odd && odd_units_ >= most_odd_units())) return false;
  odd_units_ += odd ? 1 : -1U;
  if (!region->huge) alone_units_ += huge ? 1 : -1U;
  region->set_huge_at(first, huge);
  if (huge) any_huge_.store_relaxed(true);
  return true;
}

// The kernel is told without the lock: nobody else has anything to do with them.
bool RunStore::set_units(Granule first, Granules count, bool huge) {
  if (!system_has_huge_pages()) return false;
  {
    const LockGuard guard(lock_);
    std::uint64_t odd = odd_units_;
    bool any = false;
    for (std::uint64_t i = 0; i < count_of(count); i += kUnit) {
      const Region* const region = region_of_locked(first + i);
      if (!region->tracks_units()) return false;
      if (region->is_huge_at(first + i) == huge) continue;
      any = true;
      odd += huge != region->huge ? 1 : 0;
    }
    if (!any) return true;
    if (odd > odd_units_ && odd > most_odd_units()) return false;
    for (std::uint64_t i = 0; i < count_of(count); i += kUnit) mark_unit_locked(region_of_locked(first + i), first + i, huge);
  }
  os::memory.advise_huge(address_of(first), bytes_of(count), huge);
  return true;
}

// Free granules that were never used lie on a huge page, and so are resident, which nobody counts. Under the
// lock, since they are anybody's to take; once in a unit's life on a huge page.
void RunStore::discard_clean_locked(Granule from, Granule end) {
  while (from != end) {
    Granule stop = from;
    while (stop != end && page_map.tag_of(stop) == tag_for(Kind::kFreeClean)) stop = stop + 1;
    if (stop != from) os::memory.discard(address_of(from), (index_of(stop) - index_of(from)) * kGranuleBytes);
    from = stop == end ? stop : stop + 1;
  }
}

// Dirty granules of a free run that has left the lists are about to go back. If they lie on a huge page, all
// that is free of it goes, granules that were never used too, of other free runs as well: they have been resident
// since the page was. What is left of it is small pages, until it is empty.
void RunStore::settle_unit_locked(Run* run, Granule unit) {
  const std::uint64_t from = index_of(unit) > index_of(run->first) ? index_of(unit) : index_of(run->first);
  const std::uint64_t run_end = index_of(run->first + run->count);
  const std::uint64_t end = index_of(unit) + kUnit < run_end ? index_of(unit) + kUnit : run_end;
  const std::uint64_t dirty = count_tagged(Granule{from}, Granules{end - from}, Kind::kFreeDirty);
  Region* const region = region_of_locked(unit);
  if (dirty == 0 || region == nullptr) return;
  if (region->is_huge_at(unit)) {
    page_map.set_tags(Granule{from}, Granules{end - from}, tag_for(Kind::kFreeDirty));
    run->dirty += end - from - dirty;
    commitment.add((end - from - dirty) * kGranuleBytes);
    discard_clean_locked(unit, Granule{from});
    discard_clean_locked(Granule{end}, unit + kUnit);
  }
  set_unit_locked(region, unit, region->huge && used_in_unit(unit) == 0);
}

void RunStore::settle_units_locked(Run* run) {
  if (!any_huge_.load_relaxed()) return;
  const std::uint64_t end = index_of(run->first + run->count);
  for (std::uint64_t unit = start_of_unit(index_of(run->first)); unit < end; unit += kUnit)
    settle_unit_locked(run, Granule{unit});
}

// Of a run whose pages are gone: its whole units become again what their region is. Who uses them next is to be asked anew.
void RunStore::reset_units_locked(const Run* run) {
  if (!any_huge_.load_relaxed()) return;
  const std::uint64_t end = start_of_unit(index_of(run->first + run->count));
  for (std::uint64_t i = align_up(index_of(run->first), kUnit); i < end; i += kUnit) {
    Region* const region = region_of_locked(Granule{i});
    if (region != nullptr) set_unit_locked(region, Granule{i}, region->huge);
  }
}

// Of a run whose pages are gone: the granules at its ends that share a huge page with others. Tags them dirty, and
// returns how many.
std::uint64_t RunStore::mark_shared_ends_locked(const Run* run) {
  if (!any_huge_.load_relaxed()) return 0;
  std::uint64_t marked = 0;
  for (std::uint64_t i = 0; i < count_of(run->count); ++i) {
    const std::uint64_t unit = start_of_unit(index_of(run->first) + i);
    const bool whole = unit >= index_of(run->first) && unit + kUnit <= index_of(run->first + run->count);
    if (whole || !is_huge_at_locked(Granule{unit})) continue;
    page_map.set_tags(run->first + i, Granules{1}, tag_for(Kind::kFreeDirty));
    ++marked;
  }
  return marked;
}

// Whether what would go back is less than a huge page, and is on one.
bool RunStore::is_part_of_huge_locked(const Run* run) {
  return run->dirty < kUnit &&
         (is_huge_at_locked(run->first) || is_huge_at_locked(run->first + run->count - 1));
}

// Whether its delay is over.
bool RunStore::is_old_locked(const Run* run, std::uint64_t now_ms) {
  if (run->freed_at_ms + delay_ms() > now_ms) return false;
  const std::uint64_t hold = live_knobs.huge_hold_ms;
  return hold <= settings.purge_delay_ms || run->freed_at_ms + hold <= now_ms ||
         !is_part_of_huge_locked(run);
}

}  // namespace hakmem
