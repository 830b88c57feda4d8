// Lazy freeing of idle blocks. See idle_shard.hpp.
//
// To offer a part of a huge page makes the whole of it small ones, to be faulted in again one by one: so what is beyond the limit goes by
// whole units of 2 MiB, where all of a unit is idle.
#include "base/bits.hpp"
#include "large/idle_shard.hpp"
#include "os/memory.hpp"
#include "pages/region.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

void IdleShard::note_lazy_locked(IdleEntry& entry) {
  if (entry.is_lazy) return;
  entry.is_lazy = true;
  lazy_.store_relaxed(lazy_.load_relaxed() + entry.run->bytes());
  resident_idle_bytes.fetch_sub_relaxed(entry.run->bytes());
}

void IdleShard::free_lazily_locked(IdleEntry& entry) {
  const ReleaseTimer timer;
  if (os::memory.free_lazily(entry.run->start(), entry.run->bytes())) note_lazy_locked(entry);
}

// The oldest come first: those of one unit were often freed one after the other.
IdleEntry* IdleShard::find_locked(Granule first, Granules most) {
  for (unsigned c = 0; c <= class_served_by(bytes_of(most)); ++c) {
    IdleStack& stack = stacks_[c];
    if (stack.live() == 0) continue;
    for (unsigned position = 0; position < stack.count(); ++position) {
      const Run* run = stack.at(position).run;
      if (run != nullptr && run->first == first) return &stack.at(position);
    }
  }
  return nullptr;
}

// The unit's entries, if they fill it; 0: something else lies there, or begins or ends in another unit.
unsigned IdleShard::fill_unit_locked(Granule unit, IdleEntry** entries) {
  const Granule end = unit + kUnitGranules;
  unsigned n = 0;
  for (Granule g = unit; g != end;) {
    if (page_map.tag_of(g) != tag_for(Kind::kBusy)) return 0;
    const Granules left{index_of(end) - index_of(g)};
    IdleEntry* const entry = find_locked(g, left);
    if (entry == nullptr || count_of(entry->run->count) > count_of(left)) return 0;
    entries[n++] = entry;
    g = g + entry->run->count;
  }
  return n;
}

// The unit in which the run begins. False: it is not idle as a whole.
bool IdleShard::free_unit_lazily_locked(const Run* of) {
  const Granule unit{start_of_unit(index_of(of->first))};
  IdleEntry* entries[kUnitGranules];
  const unsigned n = fill_unit_locked(unit, entries);
  const ReleaseTimer timer;
  if (n == 0 || !os::memory.free_lazily(address_of(unit), kHugePageBytes)) return false;
  for (unsigned i = 0; i < n; ++i) note_lazy_locked(*entries[i]);
  return true;
}

void IdleShard::free_lazily_down_to(std::size_t limit) {
  const bool by_units = run_store.has_huge_pages();
  const LockGuard guard(lock_);
  while (to_offer_ != 0 && resident_idle_bytes.load_relaxed() > limit) {
    const unsigned longest = log2_floor(to_offer_);
    IdleEntry* const entry = stacks_[longest].offer_for_lazy();
    if (entry == nullptr) {
      to_offer_ &= ~(std::uint64_t{1} << longest);
    } else if (!by_units || entry->run->bytes() >= kHugePageBytes || !free_unit_lazily_locked(entry->run)) {
      free_lazily_locked(*entry);
    }
  }
}

}  // namespace hakmem
