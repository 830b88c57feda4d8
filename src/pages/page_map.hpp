// Page map: for every address, whose it is and what it is part of.
//
//   tag      32 bits a granule:  | owner (24) | kind (8) |
//            owner > 0: the granule is part of a slab; kind is its size class
//            owner = 0: kind is one of `Kind` below; all zero means "not ours". A large block has
//            kLarge at its first granule and kBusy inside. Kinds of blocks in use have the bit
//            kLargeBit, which no size class and no heap's own tag has
//   details  a pointer a granule: the Slab, or the Run (first and last granule of a free run,
//            first granule of a large or huge block)
//
// A heap's own tag is `owner << 8`, so `tag ^ own` is the size class when the block is its own and
// at least 256 when it is not: ownership, class and validity in one load, one xor, one compare.
//
// Two forms, chosen at boot; the flat one may become compact later (thread/compact_map.hpp):
//   flat     two arrays over the whole address space, zeros that only become writable where the
//            heap grows: the hot path reads tags[(address >> 16) & mask]
//   compact  (address space limited, or the reservation refused) a root of leaves; the flat array
//            is then one zero word with mask 0, so the hot path always takes its slow path, which
//            asks `tag_of()`
//
// Invariants:
//   (1) total: every 64-bit value has a tag; no lookup faults (bits above the address space are
//       dropped);
//   (2) a granule's entries are written only by the holder of its run, or of the run lock when it
//       is free; readers that hold a live block see them because they hold the block;
//   (3) details are written before the tag that says what they are.
//
// Above: slabs, thread, large. Below: os, base. Any thread.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/check.hpp"
#include "base/units.hpp"

namespace hakmem {

enum class OwnerId : std::uint32_t {};
enum class Tag : std::uint32_t {};

inline constexpr unsigned kTagKindBits = 8;
inline constexpr OwnerId kNoOwner{0};
inline constexpr OwnerId kMaxOwner{(1U << 24) - 2};

// A tag that no granule has: a thread without a heap matches nothing.
inline constexpr Tag kNobodysTag{~0U << kTagKindBits};

inline constexpr std::uint32_t kLargeBit = 0x80;
enum class Kind : std::uint8_t { kForeign, kFreeClean, kFreeDirty, kBusy, kPurging, kLarge = kLargeBit, kHuge };

constexpr Tag tag_for(OwnerId owner) { return Tag{static_cast<std::uint32_t>(owner) << kTagKindBits}; }
constexpr Tag tag_for(OwnerId owner, ClassId c) {
  return Tag{static_cast<std::uint32_t>(tag_for(owner)) | static_cast<std::uint32_t>(index_of(c))};
}
constexpr Tag tag_for(Kind kind) { return Tag{static_cast<std::uint32_t>(kind)}; }
constexpr OwnerId owner_of(Tag tag) { return OwnerId{static_cast<std::uint32_t>(tag) >> kTagKindBits}; }
constexpr ClassId class_of(Tag tag) { return ClassId{static_cast<std::uint8_t>(tag)}; }
constexpr Kind kind_of(Tag tag) { return Kind{static_cast<std::uint8_t>(tag)}; }

constexpr bool is_free(Tag tag) { return tag == tag_for(Kind::kFreeClean) || tag == tag_for(Kind::kFreeDirty); }

inline constexpr unsigned kMapBits = kAddressBits - kGranuleShift;

class PageMap {
 public:
  // Chooses the form. `flat_allowed` false forces the compact one.
  void boot(bool flat_allowed);

  bool is_flat() const { return mask_ != 0; }

  // Gives the flat form's address space back but for what the leaves need, which takes no more of it. For a process of one thread.
  // False: the kernel refuses, or there is no room for them; it is as it was.
  bool become_compact();

  // After mlockall(): what is not used of the flat form is locked no more.
  void unlock_unused() const;

  // The hot path's lookup: right in the flat form, "not ours" in the compact one.
  std::uint64_t fast_index(const void* p) const {
    return (reinterpret_cast<std::uintptr_t>(p) >> kGranuleShift) & mask_;
  }
  std::uint32_t fast_tag(std::uint64_t index) const { return tags_[index].load_relaxed(); }

  // The same for the details and for one granule's new tag: in the flat form alone.
  void* fast_details(std::uint64_t index) const { return details_[index].load_acquire(); }  // as details_of()
  void set_tag_fast(std::uint64_t index, Tag tag) { tags_[index].store_release(static_cast<std::uint32_t>(tag)); }  // as set_tags()

  // The same for a granule out of a record: it has no bits above the address space.
  void set_tag_of_run(Granule g, Tag tag) { tags_[index_of(g)].store_release(static_cast<std::uint32_t>(tag)); }

  Tag tag_of(const void* p) const { return tag_of(granule_of(p)); }
  Tag tag_of(Granule g) const {
    return HAK_LIKELY(is_flat()) ? Tag{tags_[index(g)].load_relaxed()} : compact_tag_of(g);
  }
  // For who holds no block of the granule, as a walk over all of them: details_of() is then as new as this.
  Tag published_tag_of(Granule g) const;
  void* details_of(Granule g) const {
    // Acquire: the object behind the pointer, published by set_details().
    return HAK_LIKELY(is_flat()) ? details_[index(g)].load_acquire() : compact_details_of(g);
  }

  // Makes entries for these granules writable. False when there is no memory.
  bool cover(Granule first, Granules count);

  void set_tags(Granule first, Granules count, Tag tag);
  void set_details(Granule g, void* details);

  // Bytes of address space that the map takes; touched are 12 bytes a granule in use.
  std::size_t reserved_bytes() const { return reserved_bytes_.load_relaxed(); }

 private:
  static constexpr unsigned kLeafBits = 14;
  static constexpr std::size_t kLeafGranules = std::size_t{1} << kLeafBits;
  static constexpr std::size_t kLeaves = std::size_t{1} << (kMapBits - kLeafBits);
  static constexpr std::size_t kEntries = std::size_t{1} << kMapBits;
  static constexpr std::size_t kTagBytes = kEntries * sizeof(std::uint32_t);
  static constexpr std::size_t kFlatBytes = kTagBytes + kEntries * sizeof(void*);
  static constexpr std::uint64_t kIndexMask = kEntries - 1;

  struct Leaf {
    Atomic<std::uint32_t> tags[kLeafGranules];
    Atomic<void*> details[kLeafGranules];
  };

  static std::uint64_t index(Granule g) { return index_of(g) & kIndexMask; }
  Leaf* leaf_of(Granule g) const {
    return leaves_[index(g) >> kLeafBits].load_acquire();  // pairs with cover()
  }
  Tag compact_tag_of(Granule g) const;
  void* compact_details_of(Granule g) const;
  bool cover_flat(Granule first, Granules count);
  bool open_unit(std::uint64_t unit);

  bool add_leaf(std::uint64_t i);
  bool needs_leaf(std::uint64_t i) const;
  Leaf* find_room(std::size_t bytes) const;
  void copy_to_leaves(Leaf* room);

  // Units [first, end) of the flat form that have never been written: the first such at or after `from`, as many as are side by side.
  struct Unused {
    std::uint64_t first;
    std::uint64_t end;
  };
  Unused unused_from(std::uint64_t from) const;

  Atomic<std::uint32_t>* tag_slot(Granule g) const;
  Atomic<void*>* details_slot(Granule g) const;

  // The flat form becomes writable in units of 16 GiB of address space: 1 MiB of tags, 2 of details.
  static constexpr unsigned kUnitBits = 18;
  static constexpr std::size_t kUnits = std::size_t{1} << (kMapBits - kUnitBits);
  static Atomic<std::uint32_t> no_tags_[1];
  static Atomic<Leaf*> leaves_[kLeaves];

  // First: an address needs no addition.
  Atomic<std::uint32_t>* tags_ = no_tags_;
  std::uint64_t mask_ = 0;
  Atomic<void*>* details_ = nullptr;

  Atomic<std::size_t> reserved_bytes_{0};
  Atomic<bool> open_units_[kUnits];
};

extern PageMap page_map;

inline std::uint64_t count_tagged(Granule first, Granules count, Kind kind) {
  std::uint64_t n = 0;
  for (std::uint64_t i = 0; i < count_of(count); ++i) n += page_map.tag_of(first + i) == tag_for(kind) ? 1 : 0;
  return n;
}

}  // namespace hakmem
