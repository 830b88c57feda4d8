// Collapse: what a heap has on small pages when it turns out to be dense is put on huge ones afterwards.
//
// Only units that are in use as a whole and resident, or nearly, so that it adds at most a twentieth. The
// kernel copies them (MADV_COLLAPSE, Linux 6.1); what that may take is thread/huge_choice's affair. Without the
// lock: if part of the unit is given back meanwhile, it becomes resident once more, and no worse.
#include "config/knobs.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

// Units that are looked at for one.
constexpr unsigned kUnitsSeen = 64;

constexpr std::size_t kUnitBytes = kUnitGranules * kGranuleBytes;

}  // namespace

bool is_dense(const std::byte* start) {
  const auto pages = static_cast<double>(kUnitBytes / os::memory.page_size);
  return static_cast<double>(os::resident_pages(start, kUnitBytes)) * (1 + knobs::kMostHugeWaste) >= pages;
}

void RunStore::look_for_dense_again() {
  const LockGuard guard(lock_);
  collapse_region_ = 0;
  collapse_granule_ = 0;
}

// The next unit that is full and not on a huge page. False: there is none, or none among the next few; then
// `*more` says whether to go on.
bool RunStore::next_full_unit_locked(Granule* unit, bool* more) {
  for (unsigned seen = 0; seen < kUnitsSeen; ++seen) {
    if (collapse_region_ >= region_count_) return *more = false;
    const Region& region = regions_[collapse_region_];
    if (collapse_granule_ >= count_of(region.count)) {
      ++collapse_region_;
      collapse_granule_ = 0;
      continue;
    }
    *unit = region.first + collapse_granule_;
    collapse_granule_ += kUnitGranules;
    if (!region.is_huge_at(*unit) && used_in_unit(*unit) == kUnitGranules) return true;
  }
  return false;
}

bool RunStore::set_unit(Granule first, bool huge) {
  const LockGuard guard(lock_);
  Region* const region = region_of_locked(first);
  return region != nullptr && set_unit_locked(region, first, huge);
}

bool RunStore::collapse_next() {
  Granule unit{0};
  bool more = true;
  {
    const LockGuard guard(lock_);
    if (!next_full_unit_locked(&unit, &more)) return more;
  }
  if (!is_dense(address_of(unit)) || !set_unit(unit, true)) return true;
  if (os::collapse(address_of(unit), kUnitBytes)) collapsed_.fetch_add_relaxed(1);
  else set_unit(unit, false);
  return true;
}

}  // namespace hakmem
