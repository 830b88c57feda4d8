// New units: whether a unit gets a huge page, asked when the first run is cut from it.
//
//   unit      | run | free, clean ........... |   not huge: the program touches what it needs
//             | run | free, dirty ........... |   huge: all of it is resident, so it comes first, and is given back
//                                                 by its age like what has been freed
//
// What one takes is seen at its first touch, which is made here. In a region that has asked that decides alone, and free parts stay
// clean (find_dirty.cpp). In another the evidence is what is resident of the last units that have begun on small pages. As many
// may begin on huge ones after them as the process can bear untouched (learn/huge_arms.hpp); the next is seen; and a large
// block's whole units are its site's affair (large/new_pages.hpp).
#include "base/bits.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

// For a short run the one that it lies in last, if it begins that; otherwise one behind it.
Granule first_unit_of(const Run* run) { return Granule{align_up(index_of(run->first), kUnit)}; }

}  // namespace

// What is never touched of a huge page is resident and not committed, which a hard limit does not allow for.
bool RunStore::asks_for_units() const {
  return settings.huge_pages == HugePagePolicy::kAuto && huge_choice_ != nullptr && commitment.hard() == SIZE_MAX &&
         system_has_huge_pages();
}

// Of a run that is being cut out, whose granules are still tagged as they were, and what stays free behind it, if anything.
std::uint64_t RunStore::units_begun_locked(const Run* run, const Run* behind) {
  if (!asks_for_units()) return 0;
  const bool has_asked = is_in_huge_region_locked(run);
  if (!has_asked && (behind == nullptr || count_of(run->count) >= kUnit)) return 0;
  const Run* const last = behind == nullptr ? run : behind;
  const Granule first = first_unit_of(run);
  const std::uint64_t run_end = index_of(run->first + run->count);
  const std::uint64_t free_end = start_of_unit(index_of(last->first + last->count));
  const std::uint64_t end = align_up(run_end, kUnit) < free_end ? align_up(run_end, kUnit) : free_end;
  if (index_of(first) >= run_end || index_of(first) >= end) return 0;
  if (!has_asked && is_huge_at_locked(first)) return 0;
  const std::uint64_t granules = end - index_of(first);
  const bool clean = run->dirty == 0 && (behind == nullptr || behind->dirty == 0);
  return clean || count_tagged(first, Granules{granules}, Kind::kFreeClean) == granules ? granules / kUnit : 0;
}

void RunStore::begin_units(AllocatedRun* allocated) {
  const Run* const run = allocated->run;
  const Granule first = first_unit_of(run);
  if (region_has_asked(run)) begin_units_by_cost(first, allocated->begun_units);
  else begin_unit(run, first);
  const LockGuard guard(lock_);
  allocated->fresh = allocated->zeroed && !is_huge_at_locked(run->first) && !is_huge_at_locked(run->first + run->count - 1);
}

bool RunStore::region_has_asked(const Run* run) {
  const LockGuard guard(lock_);
  return is_in_huge_region_locked(run);
}

// What the first takes says whether the others are worth it.
void RunStore::begin_units_by_cost(Granule first, std::uint64_t units) {
  UnitsBegun begun{units, true, 0, 0, 1};
  std::uint64_t small = units;
  if (huge_choice_->asks_for_units(begun) && set_units(first, Granules{units * kUnit}, true)) {
    huge_choice_->touches_unit(address_of(first), true);
    begun.units = units - 1;
    small = units == 1 || huge_choice_->asks_for_units(begun) ? 0 : units - 1;
  }
  if (small != 0) set_units(first + (units - small) * kUnit, Granules{small * kUnit}, false);
  if (small == units) huge_choice_->touches_unit(address_of(first), false);
}

void RunStore::begin_unit(const Run* run, Granule unit) {
  if (!get_huge_unit(run, unit)) return;
  const LockGuard guard(lock_);
  if (!is_huge_at_locked(unit)) return;  // what was free has been given back meanwhile
  ++unseen_units_;
  count_rest_locked(run->first + run->count, unit + kUnit);
}

// Its first granule is the run's, and nobody has touched any.
bool RunStore::get_huge_unit(const Run* run, Granule unit) {
  std::byte* const start = address_of(unit);
  UnitsBegun begun{1, false, 0, 0, 0};
  if (look_at_seen_units(run, &begun) && huge_choice_->asks_for_units(begun) && set_unit(unit, true)) {
    if (huge_choice_->touches_unit(start, true)) return true;
    leave_unit_small(unit);
  } else {
    huge_choice_->touches_unit(start, false);
  }
  const LockGuard guard(lock_);
  for (unsigned i = 1; i < kSeenUnits; ++i) units_seen_[i - 1] = units_seen_[i];
  units_seen_[kSeenUnits - 1] = unit;
  unseen_units_ = 0;
  return false;
}

// It may have had a huge page for a moment, of which somebody has given back a part: then the rest is resident.
void RunStore::leave_unit_small(Granule unit) {
  const LockGuard guard(lock_);
  discard_clean_locked(unit, unit + kUnit);
  set_unit_locked(region_of_locked(unit), unit, false);
}

// False: there is no evidence.
bool RunStore::look_at_seen_units(const Run* run, UnitsBegun* begun) {
  Granule units[kSeenUnits];
  unsigned seen = 0;
  std::uint64_t used = 0;
  {
    const LockGuard guard(lock_);
    begun->huge_units = odd_units_;
    begun->unseen_units = unseen_units_ < odd_units_ ? unseen_units_ : odd_units_;  // some may be on small pages again
    for (const Granule unit : units_seen_) {
      const std::uint64_t pages = used_pages_of_locked(unit, run);
      if (pages != 0) units[seen++] = unit;
      used += pages;
    }
  }
  if (used == 0) return false;
  std::uint64_t resident = 0;
  for (unsigned i = 0; i < seen; ++i) resident += os::resident_pages(address_of(units[i]), kUnit * kGranuleBytes);
  begun->touched_share = resident < used ? static_cast<double>(resident) / static_cast<double>(used) : 1;
  return true;
}

// Those that are not free, or have been; but none of `begun`, which nobody has touched. None at all where no unit has
// been seen yet, or on a huge page, which say nothing.
std::uint64_t RunStore::used_pages_of_locked(Granule unit, const Run* begun) {
  if (unit == Granule{0} || is_huge_at_locked(unit)) return 0;
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < kUnit; ++i)
    used += page_map.tag_of(unit + i) != tag_for(Kind::kFreeClean) && !begun->holds(unit + i) ? 1 : 0;
  return used * (kGranuleBytes / os::memory.page_size);
}

// What is still clean of a unit that is resident becomes dirty; others may have taken some of it.
void RunStore::count_rest_locked(Granule from, Granule end) {
  while (index_of(from) < index_of(end)) {
    Run* const run = free_neighbour_locked(from);
    if (run == nullptr) {
      from = from + 1;
      continue;
    }
    const Granule run_end = run->first + run->count;
    const Granule stop = index_of(run_end) < index_of(end) ? run_end : end;
    const std::uint64_t clean = count_tagged(from, stop - from, Kind::kFreeClean);
    const bool had_age = run->dirty > 0;
    remove_locked(run);
    page_map.set_tags(from, stop - from, tag_for(Kind::kFreeDirty));
    run->dirty += clean;
    if (!had_age && clean > 0) {
      run->freed_at_ms = os::now_ms();
      age_.push_back(run);
    }
    insert_locked(run);
    commitment.add(clean * kGranuleBytes);
    from = stop;
  }
}

}  // namespace hakmem
