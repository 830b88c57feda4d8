// Find dirty: a place in a free run all of whose granules are dirty, so that using it commits
// nothing.
//
// Shorter runs first, so that long stretches stay; in a run that is dirty in part, the first
// stretch that is long enough. Looking is bounded: a place that is missed costs fresh pages, no
// more.
//
// In regions with huge pages only for what fills a good part of a huge page. For shorter runs a clean granule
// beside one in use is resident already, and filling units from the lowest address up is what lets the
// upper ones empty.
#include "base/bits.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

constexpr unsigned kRunsSeen = 64;
constexpr std::uint64_t kGranulesSeen = 512;

// The first of `count` dirty granules in a row, or the end of what was looked at.
std::uint64_t dirty_stretch(const Run* run, std::uint64_t count) {
  const std::uint64_t length = count_of(run->count);
  const std::uint64_t end = length < kGranulesSeen ? length : kGranulesSeen;
  std::uint64_t from = 0;
  for (std::uint64_t i = 0; i < end; ++i) {
    if (page_map.tag_of(run->first + i) != tag_for(Kind::kFreeDirty))
      from = i + 1;
    else if (i + 1 - from == count)
      return from;
  }
  return length;
}

}  // namespace

RunStore::Place RunStore::dirty_place_in(Run* run, Granules count, Granules alignment) {
  if (run->dirty < count_of(count)) return {};
  const bool whole = run->dirty == count_of(run->count);
  if (!whole && count_of(alignment) != 1) return {};
  const std::uint64_t from =
      whole ? align_up(index_of(run->first), count_of(alignment)) - index_of(run->first)
            : dirty_stretch(run, count_of(count));
  if (from + count_of(count) > count_of(run->count)) return {};
  return {run, run->first + from};
}

RunStore::Place RunStore::find_dirty_locked(Granules count, Granules alignment) {
  if (dirty_.load_relaxed() < count_of(count)) return {};
  unsigned seen = 0;
  for (unsigned bin = bin_of(count); bin < kBins; ++bin) {
    const std::uint64_t rest = bin_bits_[bin / 64] >> (bin % 64);
    if (rest == 0) {
      bin |= 63;
      continue;
    }
    bin += lowest_bit(rest);
    for (Run* run = bins_[bin].front(); run != nullptr; run = BinList::next(run)) {
      if (++seen > kRunsSeen) return {};
      if (!dirty_comes_first_everywhere(count) && has_asked_locked(run->first)) continue;
      const Place place = dirty_place_in(run, count, alignment);
      if (place.run != nullptr) return place;
    }
  }
  return {};
}

}  // namespace hakmem
