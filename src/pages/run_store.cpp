#include "pages/run_store.hpp"

#include "base/bits.hpp"
#include "base/check.hpp"
#include "os/alarm.hpp"
#include "os/clock.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"

namespace hakmem {

namespace {

// Looking further than this for a better place in one bin costs more than it finds.
constexpr int kBinScan = 16;

std::uint64_t align_granule(Granule g, Granules alignment) {
  return align_up(index_of(g), count_of(alignment));
}

// In a free run that has room for it. What is as long as a huge page begins on one, if it can and leaves no dirty granules.
Granule best_start_in(const Run* run, Granules count, Granules alignment) {
  const Granule start{align_granule(run->first, alignment)};
  const std::uint64_t on_huge = align_up(index_of(start), kUnitGranules);
  const bool fits = on_huge + count_of(count) <= index_of(run->first + run->count);
  return count_of(count) >= kUnitGranules && run->dirty == 0 && fits ? Granule{on_huge} : start;
}

std::uint64_t count_dirty(Granule first, Granules count) { return count_tagged(first, count, Kind::kFreeDirty); }

// What is not committed yet of a part of the free run.
std::size_t growth_of(const Run* run, Granule first, Granules count) {
  std::uint64_t dirty = 0;
  if (run->dirty == count_of(run->count)) dirty = count_of(count);
  else if (run->dirty != 0) dirty = count_dirty(first, count);
  return (count_of(count) - dirty) * kGranuleBytes;
}

constinit Pool<Run> run_pool;

}  // namespace

Run* run_pool_take() { return run_pool.take(); }
void run_pool_give(Run* run) { run_pool.give(run); }

unsigned RunStore::bin_of(Granules count) {
  const std::uint64_t n = count_of(count);
  if (n <= kExactBins) return static_cast<unsigned>(n - 1);
  const unsigned log = log2_floor(n);
  const auto quarter = static_cast<unsigned>((n >> (log - 2)) & 3);
  return static_cast<unsigned>(kExactBins) + (log - log2_floor(kExactBins)) * 4 + quarter;
}

void RunStore::insert_locked(Run* run) {
  const unsigned bin = bin_of(run->count);
  bins_[bin].push_front(run);
  bin_bits_[bin / 64] |= std::uint64_t{1} << (bin % 64);
  page_map.set_details(run->first, run);
  page_map.set_details(run->first + run->count - 1, run);
  free_ += count_of(run->count);
  dirty_.store_relaxed(dirty_.load_relaxed() + run->dirty);
}

void RunStore::remove_locked(Run* run) {
  const unsigned bin = bin_of(run->count);
  bins_[bin].remove(run);
  if (bins_[bin].empty()) bin_bits_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
  free_ -= count_of(run->count);
  dirty_.store_relaxed(dirty_.load_relaxed() - run->dirty);
}

// With several nodes a free neighbour may be another store's, where regions meet.
bool RunStore::is_here_locked(Granule g) {
  if (HAK_LIKELY(os::places.nodes() == 1)) return true;
  return region_of_locked(g) != nullptr;
}

Run* RunStore::free_neighbour_locked(Granule g) {
  const Kind kind = kind_of(page_map.tag_of(g));
  const bool is_free = owner_of(page_map.tag_of(g)) == kNoOwner &&
                       (kind == Kind::kFreeClean || kind == Kind::kFreeDirty);
  return is_free && is_here_locked(g) ? static_cast<Run*>(page_map.details_of(g)) : nullptr;
}

// Puts a run whose granules are tagged free back, merged with its free neighbours. The largest
// dirty part lends its age, so that small frees beside a big idle run do not keep it for ever.
void RunStore::add_free_locked(Run* run) {
  Run* const sides[] = {free_neighbour_locked(run->first - 1),
                        free_neighbour_locked(run->first + run->count)};
  std::uint64_t most_dirty = run->dirty;
  Run* elder = nullptr;
  for (Run* side : sides) {
    if (side == nullptr) continue;
    remove_locked(side);
    if (side->dirty > most_dirty) {
      most_dirty = side->dirty;
      elder = side;
    }
  }
  // The record that is in the age list at the right place is the one to keep.
  Run* kept = elder != nullptr ? elder : run;
  Granule first = run->first;
  Granules count = run->count;
  std::uint64_t dirty = run->dirty;
  for (Run* side : sides) {
    if (side == nullptr) continue;
    if (index_of(side->first) < index_of(first)) first = side->first;
    count = count + side->count;
    dirty += side->dirty;
    if (side != kept) {
      if (side->dirty > 0) age_.remove(side);
      run_pool_give(side);
    }
  }
  if (kept == run) {
    if (dirty > 0) age_.push_back(run);
  } else {
    run_pool_give(run);
  }
  kept->first = first;
  kept->count = count;
  kept->dirty = dirty;
  insert_locked(kept);
}

Run* RunStore::best_in_bin_locked(unsigned bin, Granules count, Granules alignment) {
  Run* best = nullptr;
  int scanned = 0;
  for (Run* run = bins_[bin].front(); run != nullptr && scanned < kBinScan; run = BinList::next(run), ++scanned) {
    const std::uint64_t start = align_granule(run->first, alignment);
    if (start + count_of(count) > index_of(run->first) + count_of(run->count)) continue;
    const bool better = best == nullptr || (run->dirty > 0) > (best->dirty > 0) ||
                        ((run->dirty > 0) == (best->dirty > 0) && index_of(run->first) < index_of(best->first));
    if (better) best = run;
  }
  return best;
}

Run* RunStore::find_locked(Granules count, Granules alignment) {
  for (unsigned bin = bin_of(count); bin < kBins; ++bin) {
    const std::uint64_t rest = bin_bits_[bin / 64] >> (bin % 64);
    if (rest == 0) {
      bin |= 63;
      continue;
    }
    bin += lowest_bit(rest);
    if (Run* run = best_in_bin_locked(bin, count, alignment)) return run;
  }
  return nullptr;
}

// Cuts a run that is in no list into its first `count` granules, which stay `run`, and a new record
// for the rest, which is returned; nullptr when there is no memory for the record.
Run* RunStore::split_locked(Run* run, Granules count) {
  Run* rest = run_pool_take();
  if (rest == nullptr) return nullptr;
  rest->first = run->first + count;
  rest->count = run->count - count;
  if (run->dirty == 0) rest->dirty = 0;
  else if (run->dirty == count_of(run->count)) rest->dirty = count_of(rest->count);
  else rest->dirty = count_dirty(rest->first, rest->count);
  rest->freed_at_ms = run->freed_at_ms;
  rest->node = node_;
  run->count = count;
  run->dirty -= rest->dirty;
  return rest;
}

// Pages that are there already come first, also those of idle blocks, so that memory does not grow
// while some is idle. Beyond the soft limit, or where the system has no more, everything idle makes room.
AllocatedRun RunStore::allocate_somewhere(Granules count, Granules alignment) {
  AllocatedRun allocated = allocate_dirty(count, alignment);
  if (allocated.run == nullptr && borrow(count)) {
    allocated = allocate_dirty(count, alignment);
  }
  if (allocated.run == nullptr) allocated = allocate_below(commitment.soft(), count, alignment);
  if (allocated.run != nullptr) return allocated;
  commitment.relieve();
  return allocate_below(commitment.hard(), count, alignment);
}

// Not where dirty granules do not come first (find_dirty.cpp): it would empty the idle blocks for nothing.
bool RunStore::borrow(Granules count) {
  const bool takes_dirty = dirty_comes_first_everywhere(count) || !any_huge_region_.load_relaxed();
  return lend_ != nullptr && takes_dirty && lend_(bytes_of(count), node_);
}

AllocatedRun RunStore::allocate_dirty(Granules count, Granules alignment) {
  if (dirty_.load_relaxed() < count_of(count)) return {};
  const LockGuard guard(lock_);
  const Place place = find_dirty_locked(count, alignment);
  return place.run == nullptr ? AllocatedRun{} : cut_locked(place, count, 0);
}

// From a free run that there is. Nothing: there is none, or what it would commit does not stay within `ceiling`.
AllocatedRun RunStore::allocate_free(std::size_t ceiling, Granules count, Granules alignment) {
  const LockGuard guard(lock_);
  return allocate_free_locked(ceiling, count, alignment);
}

// The same, from new address space if need be. Who waits for another thread's region looks there first. A new one is
// used before anybody else finds it.
AllocatedRun RunStore::allocate_below(std::size_t ceiling, Granules count, Granules alignment) {
  AllocatedRun allocated = allocate_free(ceiling, count, alignment);
  if (allocated.run != nullptr || !commitment.fits(bytes_of(count), ceiling)) return allocated;
  const LockGuard growth_guard(growth_lock_);
  allocated = allocate_free(ceiling, count, alignment);
  if (allocated.run != nullptr || !commitment.fits(bytes_of(count), ceiling)) return allocated;
  const NewRegion made = make_region_timed(count, alignment);
  if (made.run == nullptr) return {};
  const LockGuard guard(lock_);
  enter_region_locked(made);
  return allocate_free_locked(ceiling, count, alignment);
}

AllocatedRun RunStore::allocate_free_locked(std::size_t ceiling, Granules count, Granules alignment) {
  Run* run = find_locked(count, alignment);
  if (run == nullptr) return {};
  const Granule start = best_start_in(run, count, alignment);
  const std::size_t growth = growth_of(run, start, count);
  if (!commitment.reserve(growth, ceiling)) return {};
  return cut_locked({run, start}, count, growth);
}

// `growth` has been reserved for it.
AllocatedRun RunStore::cut_locked(Place place, Granules count, std::size_t growth) {
  Run* run = place.run;
  remove_locked(run);
  Run* const younger = AgeList::next(run);  // what remains keeps its age, and its place before this one
  if (run->dirty > 0) age_.remove(run);

  const Granules skipped = place.start - run->first;
  Run* parts[2] = {nullptr, nullptr};  // what stays free: before and behind
  bool enough = true;
  if (count_of(skipped) > 0) {
    parts[0] = run;
    run = split_locked(parts[0], skipped);
    enough = run != nullptr;
  }
  if (enough && count_of(run->count) > count_of(count)) {
    parts[1] = split_locked(run, count);
    enough = parts[1] != nullptr;
  }
  for (Run* part : parts) {
    if (part == nullptr) continue;
    insert_locked(part);
    if (part->dirty > 0) age_.insert_before(part, younger);
  }
  const bool begins = enough && begins_unit_locked(run, parts[1]);
  if (enough && count_of(count) >= kUnitGranules) {
    const Granule end = run->first + run->count;
    leave_small_locked(run->first, end, parts[1] == nullptr ? end : end + parts[1]->count);
  }
  if (enough) {
    page_map.set_tags(run->first, run->count, tag_for(Kind::kBusy));
  } else {
    commitment.drop(growth);
    if (run != nullptr) add_free_locked(run);
    run = nullptr;
  }
  const bool clean = run != nullptr && run->dirty == 0;
  const bool small = clean && !is_huge_at_locked(run->first) && !is_huge_at_locked(run->first + run->count - 1);
  return {run, clean, small, begins, false};
}

void RunStore::release(Run* run, bool clean) {
  const std::uint64_t now = os::now_ms();
  bool too_dirty = false;
  {
    const LockGuard guard(lock_);
    page_map.set_tags(run->first, run->count, tag_for(clean ? Kind::kFreeClean : Kind::kFreeDirty));
    if (clean) reset_units_locked(run);
    run->dirty = clean ? mark_shared_ends_locked(run) : count_of(run->count);
    run->freed_at_ms = now;
    run->heap.store_relaxed(kNoOwner);
    commitment.drop(run->bytes() - run->dirty * kGranuleBytes);
    add_free_locked(run);
    too_dirty = is_too_dirty();
  }
  os::housekeeping_alarm.ring();
  const bool above_limit = commitment.is_over_soft() && dirty_bytes() >= knobs::kLimitSlack;
  if (too_dirty || above_limit) purge(now, above_limit);
}

bool RunStore::extend(Run* run, Granules count, Tag tag) {
  if (extend_committing(0, run, count, tag)) return true;
  const Granules wanted = count - run->count;
  if (idle_lies_behind(run, wanted) && borrow(wanted) && extend_committing(0, run, count, tag)) return true;
  return extend_committing(SIZE_MAX, run, count, tag);
}

// At once, or after dirty granules that are too few. Of idle blocks elsewhere the run has nothing.
bool RunStore::idle_lies_behind(const Run* run, Granules wanted) {
  const LockGuard guard(lock_);
  Granule behind = run->first + run->count;
  if (const Run* side = free_neighbour_locked(behind)) {
    if (side->dirty != count_of(side->count) || count_of(side->count) >= count_of(wanted)) return false;
    behind = behind + side->count;
  }
  return page_map.tag_of(behind) == tag_for(Kind::kBusy);
}

bool RunStore::extend_committing(std::size_t at_most, Run* run, Granules count, Tag tag) {
  const LockGuard guard(lock_);
  Run* side = free_neighbour_locked(run->first + run->count);
  const Granules wanted = count - run->count;
  if (side == nullptr || count_of(side->count) < count_of(wanted)) return false;
  const std::size_t growth = growth_of(side, side->first, wanted);
  if (growth > at_most) return false;
  if (!commitment.reserve(growth, commitment.soft())) return false;  // a new run would make room first
  remove_locked(side);
  const Granule end_of_side = side->first + side->count;
  Run* const younger = AgeList::next(side);
  if (side->dirty > 0) age_.remove(side);
  if (count_of(side->count) > count_of(wanted)) {
    Run* rest = split_locked(side, wanted);
    if (rest == nullptr) {
      commitment.drop(growth);
      if (side->dirty > 0) age_.insert_before(side, younger);
      insert_locked(side);
      return false;
    }
    insert_locked(rest);
    if (rest->dirty > 0) age_.insert_before(rest, younger);
  }
  leave_small_locked(side->first, side->first + wanted, end_of_side);
  page_map.set_tags(side->first, side->count, tag);
  run->count = count;
  run_pool_give(side);
  return true;
}

void RunStore::shrink(Run* run, Granules count) {
  Run* tail = nullptr;
  {
    const LockGuard guard(lock_);
    run->dirty = 0;
    tail = split_locked(run, count);
  }
  if (tail != nullptr) release(tail);
}

bool RunStore::check_invariants() {
  const LockGuard guard(lock_);
  std::uint64_t free = 0;
  std::uint64_t dirty = 0;
  for (const BinList& bin : bins_) {
    for (Run* run = bin.front(); run != nullptr; run = BinList::next(run)) {
      if (free_neighbour_locked(run->first - 1) != nullptr) return false;                     // (1)
      if (free_neighbour_locked(run->first + run->count) != nullptr) return false;            // (1)
      if (page_map.details_of(run->first) != run) return false;                               // (2)
      if (page_map.details_of(run->first + run->count - 1) != run) return false;              // (2)
      if (run->dirty != count_dirty(run->first, run->count)) return false;                    // (3)
      free += count_of(run->count);
      dirty += run->dirty;
    }
  }
  std::uint64_t aged = 0;
  for (Run* run = age_.front(); run != nullptr; run = AgeList::next(run)) aged += run->dirty;
  return free == free_ && dirty == dirty_.load_relaxed() && aged == dirty;                    // (3) (4)
}

RunUse RunStore::use() {
  const LockGuard guard(lock_);
  return {mapped_bytes(), free_ * kGranuleBytes, dirty_.load_relaxed() * kGranuleBytes,
          purged_.load_relaxed()};
}

}  // namespace hakmem
