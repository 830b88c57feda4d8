// Regions: how the run store gets address space from the system.
//
// Pieces are multiples of 2 MiB and start on one, so that huge pages fit. Where address space is
// free they grow with the heap, for few system calls and long runs; where it is counted (the page
// map is compact then) only what is needed is taken.
#include "base/bits.hpp"
#include "config/live_knobs.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kMinStep = 32 * kMiB;
constexpr std::size_t kMaxStep = 1 * kGiB;

// Read once; two threads may both read it: they read the same.
os::HugePages system_policy() {
  static constinit Atomic<int> known{-1};
  int value = known.load_relaxed();
  if (value < 0) {
    value = static_cast<int>(os::system_huge_pages());
    known.store_relaxed(value);
  }
  return static_cast<os::HugePages>(value);
}

}  // namespace

bool wants_huge_pages(std::size_t heap_bytes) {
  if (settings.huge_pages != HugePagePolicy::kAuto) return settings.huge_pages == HugePagePolicy::kAlways;
  return heap_bytes >= knobs::kHugePagesFrom;
}

bool system_has_huge_pages() { return system_policy() != os::HugePages::kNever; }

bool system_gives_huge_pages() { return system_policy() == os::HugePages::kAlways; }

bool may_have_huge_pages(std::size_t heap_bytes) {
  return wants_huge_pages(heap_bytes) && system_has_huge_pages();
}

void choose_huge_pages(std::byte* start, std::size_t bytes, std::size_t heap_bytes) {
  const bool wanted = wants_huge_pages(heap_bytes);
  if (wanted ? system_has_huge_pages() : system_gives_huge_pages()) os::memory.advise_huge(start, bytes, wanted);
}

void RunStore::note_region_locked(Granule first, Granules count, bool huge) {
  if (huge) {
    any_huge_.store_relaxed(true);
    any_huge_region_.store_relaxed(true);
  }
  for (unsigned i = 0; i < region_count_; ++i) {
    if (regions_[i].huge == huge && regions_[i].join(first, count)) return;
  }
  Region& region = regions_[region_count_++];
  region.first = first;
  region.count = count;
  region.huge = huge;
  region.set_all(first, count);
}

// Without the run lock: what maps it and advises takes system calls.
RunStore::NewRegion RunStore::make_region(std::size_t bytes) {
  if (!has_room_for_regions()) return {};
  Run* run = run_pool_take();
  if (run == nullptr) return {};
  std::byte* start = os::memory.map(bytes, kHugePageBytes, false);
  if (start == nullptr) {
    run_pool_give(run);
    return {};
  }
  run->first = granule_of(start);
  run->count = Granules{bytes >> kGranuleShift};
  run->dirty = 0;
  run->node = node_;
  if (!page_map.cover(run->first - 1, run->count + Granules{2})) {
    os::memory.unmap(start, bytes);
    run_pool_give(run);
    return {};
  }
  if (os::places.nodes() > 1) os::memory.prefer_node(start, bytes, os::places.number_of(node_));
  return {run, get_huge_pages(start, bytes)};
}

// Each takes one more at most, and who grows is alone.
bool RunStore::has_room_for_regions() {
  const LockGuard guard(lock_);
  return region_count_ != kMaxRegions;
}

void RunStore::enter_region_locked(const NewRegion& made) {
  Run* const run = made.run;
  mapped_.fetch_add_relaxed(count_of(run->count));
  note_region_locked(run->first, run->count, made.huge);
  page_map.set_tags(run->first, run->count, tag_for(Kind::kFreeClean));
  add_free_locked(run);
}

// How much at a time is a knob that the bill moves (thread/tuner): few large pieces cost fewer calls,
// many small ones fewer entries of the page map that nobody needs yet.
RunStore::NewRegion RunStore::make_region_by_policy(Granules count, Granules alignment) {
  const std::size_t slack = count_of(alignment) * kGranuleBytes > kHugePageBytes ? bytes_of(alignment) : 0;
  const std::size_t needed = align_up(bytes_of(count) + slack, kHugePageBytes);
  const std::size_t share = mapped_bytes() / live_knobs.growth_divisor.load_relaxed();
  const std::size_t usual = clamp_size(align_up(share, kHugePageBytes), kMinStep, kMaxStep);
  if (page_map.is_flat() && usual > needed) {
    const NewRegion made = make_region(usual);
    if (made.run != nullptr) return made;
  }
  return make_region(needed);
}

RunStore::NewRegion RunStore::make_region_timed(Granules count, Granules alignment) {
  const std::uint64_t begin = os::now_ns();
  const NewRegion made = make_region_by_policy(count, alignment);
  growth_ns_.fetch_add_relaxed(os::now_ns() - begin);
  return made;
}

}  // namespace hakmem
