// New units: whether a unit gets a huge page, asked when the first run is cut from it.
//
//   unit      | run | free, clean ........... |   not huge: the program touches what it needs
//             | run | free, dirty ........... |   huge: all of it is resident, so it comes first, and is given back
//                                                 by its age like what has been freed
//
// What one takes is seen at its first touch, which is made here. In a region that has asked that decides, where the program is
// going to touch the run, and free parts stay clean (find_dirty.cpp). In another the evidence is what is resident of the last units
// that have begun on small pages. As many may begin on huge ones after them as the process can bear untouched
// (learn/huge_arms.hpp); the next is seen. In both a long block's units are small until its site says more (large/new_pages.hpp).
#include "base/bits.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kUnit = kUnitGranules;

Granule last_unit_of(const Run* run) { return Granule{start_of_unit(index_of(run->first + run->count) - 1)}; }

}  // namespace

// What is never touched of a huge page is resident and not committed, which a hard limit does not allow for.
bool RunStore::asks_for_units() const {
  return settings.huge_pages == HugePagePolicy::kAuto && huge_choice_ != nullptr && commitment.hard() == SIZE_MAX &&
         system_has_huge_pages();
}

// Of a run that is being cut out, whose granules are still tagged as they were, and what stays free behind it, if anything.
bool RunStore::begins_unit_locked(const Run* run, const Run* behind) {
  if (behind == nullptr || count_of(run->count) >= kUnit || !asks_for_units()) return false;
  const Granule unit = last_unit_of(run);
  if (index_of(unit) < index_of(run->first) || index_of(unit) + kUnit > index_of(behind->first + behind->count)) return false;
  if (is_huge_at_locked(unit) && !has_asked_locked(unit)) return false;
  return run->dirty + behind->dirty == 0 || count_tagged(unit, Granules{kUnit}, Kind::kFreeClean) == kUnit;
}

// Of a long run, or of what one grows by, likewise: the units that begin in it, where the region has asked, until its site says
// more. What is behind `end` is free up to `free_end`.
void RunStore::leave_small_locked(Granule from, Granule end, Granule free_end) {
  if (!any_huge_region_.load_relaxed() || !asks_for_units()) return;
  for (std::uint64_t unit = align_up(index_of(from), kUnit); unit < index_of(end) && unit + kUnit <= index_of(free_end); unit += kUnit) {
    const Granule at{unit};
    const bool is_new = has_asked_locked(at) && count_tagged(at, Granules{kUnit}, Kind::kFreeClean) == kUnit;
    if (is_new && leaves_room_for_splits_locked()) set_unit_locked(region_of_locked(at), at, false);
  }
}

void RunStore::begin_unit(AllocatedRun* allocated, WillTouch will) {
  const Run* const run = allocated->run;
  const Granule unit = last_unit_of(run);
  bool region_has_asked = false;
  {
    const LockGuard guard(lock_);
    region_has_asked = has_asked_locked(unit);
  }
  allocated->begun_huge = region_has_asked ? get_unit_by_cost(unit, will) : get_huge_unit(run, unit);
  const LockGuard guard(lock_);
  const bool is_huge = is_huge_at_locked(unit);
  allocated->fresh = allocated->zeroed && !allocated->begun_huge && !is_huge && !is_huge_at_locked(run->first);
  if (!allocated->begun_huge || region_has_asked || !is_huge) return;  // or what was free has been given back meanwhile
  ++unseen_units_;
  count_rest_locked(run->first + run->count, unit + kUnit);
}

// In a region that has asked. Whose neighbour in the unit has been touched since it was cut is on that huge page already.
bool RunStore::get_unit_by_cost(Granule unit, WillTouch will) {
  std::byte* const start = address_of(unit);
  if (os::resident_pages(start, os::memory.page_size) != 0) return true;
  if (will == WillTouch::kAll && huge_choice_->asks_for_unit({true, 0, 0, 0}) && set_unit(unit, true)) {
    if (huge_choice_->touches_unit(start, true)) return true;
    leave_unit_small(unit);
    return false;
  }
  if (set_unit(unit, false)) huge_choice_->touches_unit(start, false);
  return false;
}

// In another. Its first granule is the run's, and nobody has touched any.
bool RunStore::get_huge_unit(const Run* run, Granule unit) {
  std::byte* const start = address_of(unit);
  UnitBegun begun{};
  if (look_at_seen_units(run, &begun) && huge_choice_->asks_for_unit(begun) && set_unit(unit, true)) {
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
bool RunStore::look_at_seen_units(const Run* run, UnitBegun* begun) {
  Granule units[kSeenUnits];
  unsigned seen = 0;
  std::uint64_t used = 0;
  {
    const LockGuard guard(lock_);
    begun->huge_units = alone_units_;
    begun->unseen_units = unseen_units_ < alone_units_ ? unseen_units_ : alone_units_;  // some may be on small pages again
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
