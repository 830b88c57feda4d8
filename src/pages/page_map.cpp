#include "pages/page_map.hpp"

#include <initializer_list>
#include <utility>

#include "base/bits.hpp"
#include "os/memory.hpp"

namespace hakmem {

constinit Atomic<std::uint32_t> PageMap::no_tags_[1];
constinit Atomic<PageMap::Leaf*> PageMap::leaves_[PageMap::kLeaves];
constinit PageMap page_map;

void PageMap::boot(bool flat_allowed) {
  if (!flat_allowed) return;
  std::byte* start = os::memory.map_zeros(kFlatBytes);
  if (start == nullptr) return;
  os::memory.skip_in_dumps(start, kFlatBytes);
  tags_ = reinterpret_cast<Atomic<std::uint32_t>*>(start);
  details_ = reinterpret_cast<Atomic<void*>*>(start + kTagBytes);
  mask_ = kEntries - 1;
  reserved_bytes_.store_relaxed(kFlatBytes);
}

bool PageMap::add_leaf(std::uint64_t i) {
  if (leaves_[i].load_relaxed() != nullptr) return true;
  std::byte* p = os::memory.map(align_up(sizeof(Leaf), os::memory.page_size), kCacheLine, false);
  if (p == nullptr) return false;
  Leaf* none = nullptr;
  // Two threads may both have mapped it; the second gives its own back. Pairs with leaf_of().
  if (leaves_[i].try_install(none, reinterpret_cast<Leaf*>(p))) {
    reserved_bytes_.fetch_add_relaxed(sizeof(Leaf));
  } else {
    os::memory.unmap(p, align_up(sizeof(Leaf), os::memory.page_size));
  }
  return true;
}

Atomic<std::uint32_t>* PageMap::tag_slot(Granule g) const {
  if (is_flat()) return &tags_[index(g)];
  Leaf* leaf = leaf_of(g);
  return leaf == nullptr ? nullptr : &leaf->tags[index(g) & (kLeafGranules - 1)];
}

Atomic<void*>* PageMap::details_slot(Granule g) const {
  if (is_flat()) return &details_[index(g)];
  Leaf* leaf = leaf_of(g);
  return leaf == nullptr ? nullptr : &leaf->details[index(g) & (kLeafGranules - 1)];
}

Tag PageMap::compact_tag_of(Granule g) const {
  const Atomic<std::uint32_t>* slot = tag_slot(g);
  return Tag{slot == nullptr ? 0 : slot->load_relaxed()};
}

Tag PageMap::published_tag_of(Granule g) const {
  const Atomic<std::uint32_t>* slot = tag_slot(g);
  return Tag{slot == nullptr ? 0 : slot->load_acquire()};  // pairs with set_tags()
}

void* PageMap::compact_details_of(Granule g) const {
  const Atomic<void*>* slot = details_slot(g);
  return slot == nullptr ? nullptr : slot->load_acquire();
}

bool PageMap::open_unit(std::uint64_t unit) {
  constexpr std::size_t kInUnit = std::size_t{1} << kUnitBits;
  if (open_units_[unit].load_acquire()) return true;  // pairs with the store below
  auto* tags = reinterpret_cast<std::byte*>(&tags_[unit << kUnitBits]);
  auto* details = reinterpret_cast<std::byte*>(&details_[unit << kUnitBits]);
  for (const auto& [start, bytes] : {std::pair{tags, kInUnit * sizeof(tags_[0])},
                                     std::pair{details, kInUnit * sizeof(details_[0])}}) {
    if (!os::memory.make_writable(start, bytes)) return false;
    // One touched entry must not cost two megabytes where huge pages are always on.
    os::memory.advise_huge(start, bytes, false);
  }
  open_units_[unit].store_release(true);  // two threads may both have made it writable: no harm
  return true;
}

bool PageMap::cover_flat(Granule first, Granules count) {
  const std::uint64_t last = index(first + count - 1) >> kUnitBits;
  for (std::uint64_t unit = index(first) >> kUnitBits; unit <= last; ++unit) {
    if (!open_unit(unit)) return false;
  }
  return true;
}

bool PageMap::cover(Granule first, Granules count) {
  if (is_flat()) return cover_flat(first, count);
  const std::uint64_t last = index(first + count - 1) >> kLeafBits;
  for (std::uint64_t i = index(first) >> kLeafBits; i <= last; ++i) {
    if (!add_leaf(i)) return false;
  }
  return true;
}

// Release: the details (3), for published_tag_of().
void PageMap::set_tags(Granule first, Granules count, Tag tag) {
  if (is_flat()) {
    Atomic<std::uint32_t>* slot = &tags_[index(first)];
    Atomic<std::uint32_t>* const end = slot + count_of(count);
    for (; slot != end; ++slot) slot->store_release(static_cast<std::uint32_t>(tag));
    return;
  }
  for (std::uint64_t i = 0; i < count_of(count); ++i) {
    tag_slot(first + i)->store_release(static_cast<std::uint32_t>(tag));
  }
}

void PageMap::set_details(Granule g, void* details) {
  details_slot(g)->store_release(details);  // pairs with details_of()
}

}  // namespace hakmem
