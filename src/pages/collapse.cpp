// Collapse: what a heap has on small pages when it turns out to be dense is put on huge ones afterwards.
//
// Only units that are in use as a whole and resident, or nearly, so that it adds at most a twentieth. The
// kernel copies them (MADV_COLLAPSE, Linux 6.1); what that may take is thread/huge_choice's affair. Without the
// lock: if part of the unit is given back meanwhile, it goes once more.
//
// In use is what programs have: idle large blocks are not, some of which are lazily freed, and would not be any more.
#include "config/knobs.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

// Units that are looked at for one.
constexpr unsigned kUnitsSeen = 64;

constexpr std::size_t kUnitBytes = kUnitGranules * kGranuleBytes;

// The large block in use that holds the granule; nullptr: a slab does, or the block is idle, or it is free. Under the
// lock of the store, without which no block of it changes its length.
const Run* block_around(Granule g) {
  constexpr std::uint64_t kLongest = knobs::kHugeFrom / kGranuleBytes;
  for (std::uint64_t back = 0; back < kLongest; ++back) {
    const Granule first = g - back;
    const Tag tag = page_map.tag_of(first);
    if (tag == tag_for(Kind::kBusy)) continue;
    if (tag != tag_for(Kind::kLarge)) return nullptr;
    const Run* run = static_cast<const Run*>(page_map.details_of(first));
    return back < count_of(run->count) ? run : nullptr;
  }
  return nullptr;
}

// By slabs and large blocks.
bool is_in_full_use(Granule unit) {
  for (std::uint64_t i = 0; i < kUnitGranules;) {
    if (owner_of(page_map.tag_of(unit + i)) != kNoOwner) {
      ++i;
      continue;
    }
    const Run* run = block_around(unit + i);
    if (run == nullptr) return false;
    i = index_of(run->first + run->count) - index_of(unit);
  }
  return true;
}

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
    if (!region.is_huge_at(*unit) && is_in_full_use(*unit)) return true;
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
    if (!next_full_unit_locked(&unit, &more) || !begin_collapse_locked(unit)) return more;
  }
  if (is_dense(address_of(unit)) && set_unit(unit, true)) {
    if (os::memory.collapse(address_of(unit), kUnitBytes)) collapsed_.fetch_add_relaxed(1);
    else set_unit(unit, false);
  }
  end_collapse(unit);
  return true;
}

// False: enough others are at it.
bool RunStore::begin_collapse_locked(Granule unit) {
  for (Granule& busy : being_collapsed_) {
    if (busy != Granule{0}) continue;
    busy = unit;
    return true;
  }
  return false;
}

// What went meanwhile may be resident again.
void RunStore::end_collapse(Granule unit) {
  const LockGuard guard(lock_);
  for (Granule& busy : being_collapsed_) {
    if (busy == unit) busy = Granule{0};
  }
  if (is_huge_at_locked(unit)) discard_clean_locked(unit, unit + kUnitGranules);
}

}  // namespace hakmem
