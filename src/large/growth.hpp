// Growth: the call sites of realloc whose large blocks grow, and how far their blocks have come.
//
//   site   reach     realloc at a site that moves a block gives it room for what the site's blocks have
//   ....   256 MiB   grown to before, so that the next growth stays in place
//
// Room is address space: what is never touched costs no memory. It is bounded by kMostTimes the
// size asked for, and every grant forgets an eighth of what is not reached again, so a site whose
// blocks have become shorter soon gets less. Where it is dear (the compact page map, or any memory limit)
// there is none but the usual half (huge.cpp).
//
// Above: large, huge. Below: atomics. Any thread, no locks: two sites of one slot, or two threads
// of one site, may overwrite each other's word, which costs a move.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/atomics.hpp"
#include "base/units.hpp"

namespace hakmem {

class Growth {
 public:
  enum class Site : std::uint32_t { kUnknown };

  // Half of the address tells the sites of one process apart.
  static Site site_of(const void* return_address) {
    return Site{static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(return_address))};
  }

  // A block has grown to `size` bytes there.
  void note(Site site, std::size_t size) {
    Entry& entry = entry_of(site);
    if (!entry.is_of(site)) {
      entry.reach.store_relaxed(size);
      entry.site.store_relaxed(static_cast<std::uint32_t>(site));
    } else if (entry.reach.load_relaxed() < size) {
      entry.reach.store_relaxed(size);
    }
  }

  // For how many bytes a block that is moved there should have room, from `size` on.
  std::size_t grant_room(Site site, std::size_t size) {
    Entry& entry = entry_of(site);
    const std::size_t reach = entry.is_of(site) ? entry.reach.load_relaxed() : 0;
    if (reach <= size) return size;
    entry.reach.store_relaxed(reach - (reach - size) / 8);
    return reach / kMostTimes < size ? reach : size * kMostTimes;
  }

  // Its blocks become so long that moving the pages of a short one already pays.
  bool goes_far(Site site) {
    const Entry& entry = entry_of(site);
    return entry.is_of(site) && entry.reach.load_relaxed() >= kFar;
  }

 private:
  static constexpr unsigned kSlotBits = 6;
  static constexpr std::size_t kMostTimes = 8;
  static constexpr std::size_t kFar = 4 * kMiB;

  struct Entry {
    Atomic<std::uint32_t> site{0};
    Atomic<std::size_t> reach{0};
    bool is_of(Site s) const {
      return s != Site::kUnknown && site.load_relaxed() == static_cast<std::uint32_t>(s);
    }
  };

  // Fibonacci hashing (Knuth, TAOCP 6.4).
  Entry& entry_of(Site site) {
    return entries_[(static_cast<std::uint32_t>(site) * 0x9E3779B1U) >> (32 - kSlotBits)];
  }

  Entry entries_[1U << kSlotBits];
};

inline constinit Growth growth;

}  // namespace hakmem
