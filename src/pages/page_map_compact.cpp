// The flat page map becomes compact: its leaves are made of a part of the reservation that nobody has written, and the rest goes back.
// So it needs no address space of its own, where there may be none any more.
#include "base/bits.hpp"
#include "os/memory.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

PageMap::Unused PageMap::unused_from(std::uint64_t from) const {
  while (from < kUnits && open_units_[from].load_relaxed()) ++from;
  std::uint64_t end = from;
  while (end < kUnits && !open_units_[end].load_relaxed()) ++end;
  return {from, end};
}

bool PageMap::needs_leaf(std::uint64_t i) const {
  if (!open_units_[i >> (kUnitBits - kLeafBits)].load_relaxed()) return false;
  const Atomic<std::uint32_t>* const tags = &tags_[i << kLeafBits];
  std::size_t empty = 0;
  while (empty < kLeafGranules && tags[empty].load_relaxed() == 0) ++empty;
  return empty < kLeafGranules;
}

PageMap::Leaf* PageMap::find_room(std::size_t bytes) const {
  constexpr std::size_t kDetailsOfUnit = sizeof(details_[0]) << kUnitBits;
  Unused unused = unused_from(0);
  while ((unused.end - unused.first) * kDetailsOfUnit < bytes && unused.end < kUnits) unused = unused_from(unused.end);
  if ((unused.end - unused.first) * kDetailsOfUnit < bytes) return nullptr;
  auto* const start = reinterpret_cast<std::byte*>(&details_[unused.first << kUnitBits]);
  if (!os::memory.make_writable(start, bytes)) return nullptr;
  os::memory.advise_huge(start, bytes, false);  // as in open_unit()
  return reinterpret_cast<Leaf*>(start);
}

void PageMap::copy_to_leaves(Leaf* room) {
  for (std::uint64_t i = 0; i < kLeaves; ++i) {
    if (!needs_leaf(i)) continue;
    for (std::size_t k = 0; k < kLeafGranules; ++k) {
      room->tags[k].store_relaxed(tags_[(i << kLeafBits) + k].load_relaxed());
      room->details[k].store_relaxed(details_[(i << kLeafBits) + k].load_relaxed());
    }
    leaves_[i].store_relaxed(room++);
  }
}

bool PageMap::become_compact() {
  if (!is_flat()) return true;
  std::size_t needed = 0;
  for (std::uint64_t i = 0; i < kLeaves; ++i) needed += needs_leaf(i) ? sizeof(Leaf) : 0;
  needed = align_up(needed, os::memory.page_size);
  Leaf* const room = find_room(needed);
  if (room == nullptr) return false;
  copy_to_leaves(room);
  auto* const start = reinterpret_cast<std::byte*>(tags_);
  auto* const kept = reinterpret_cast<std::byte*>(room);
  tags_ = no_tags_;
  mask_ = 0;
  details_ = nullptr;
  os::memory.unmap(start, static_cast<std::size_t>(kept - start));
  os::memory.unmap(kept + needed, static_cast<std::size_t>(start + kFlatBytes - kept) - needed);
  reserved_bytes_.store_relaxed(needed);
  return true;
}

void PageMap::unlock_unused() const {
  if (!is_flat()) return;
  for (Unused unused = unused_from(0); unused.first < kUnits; unused = unused_from(unused.end)) {
    const std::uint64_t entries = (unused.end - unused.first) << kUnitBits;
    const std::uint64_t first = unused.first << kUnitBits;
    os::memory.unlock(reinterpret_cast<std::byte*>(&tags_[first]), entries * sizeof(tags_[0]));
    os::memory.unlock(reinterpret_cast<std::byte*>(&details_[first]), entries * sizeof(details_[0]));
  }
}

}  // namespace hakmem
