// Growth: the call sites of realloc whose large blocks grow, and how far their blocks have come.
//
//   site   reach     realloc at a site that moves a block gives it room for what the site's blocks have
//   ....   256 MiB   grown to before, so that the next growth stays in place
//
// A profile has for each site and size class how often a block grew to it (steps). A run that begins with
// one takes as reach the longest class to which at least an eighth as many steps led as to its most usual one.
//
// Room is address space: what is never touched costs no memory. It is bounded by kMostTimes the
// size asked for, and every grant forgets an eighth of what is not reached again, so a site whose
// blocks have become shorter soon gets less. Where it is dear (the compact page map, or any memory limit)
// there is none but the usual half (huge.cpp).
//
// Above: large, huge, the profile. Below: learn, atomics. Any thread, no locks: two sites of one slot, or two
// threads of one site, may overwrite each other's words, which costs a move, or a step that is not counted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/atomics.hpp"
#include "base/units.hpp"
#include "large/request_class.hpp"
#include "learn/profile.hpp"

namespace hakmem {

class Growth {
 public:
  enum class Site : learn::Site { kUnknown };  // call_site() of realloc's caller

  // A block has grown to `size` bytes there.
  void note(Site site, std::size_t size) {
    Entry& entry = entry_of(site);
    if (!entry.is_of(site)) {
      take_over(entry, site, size);
    } else if (entry.reach.load_relaxed() < size) {
      entry.reach.store_relaxed(size);
    }
    if (counts_) entry.steps[request_class(size)].fetch_add_relaxed(1);
  }

  // For how many bytes a block that grows there should have room, from `size` on.
  std::size_t room(Site site, std::size_t size) {
    const std::size_t reach = reach_of(site);
    if (reach <= size) return size;
    return reach / kMostTimes < size ? reach : size * kMostTimes;
  }

  // A block of `size` bytes has got more room than that.
  void note_granted(Site site, std::size_t size) {
    const std::size_t reach = reach_of(site);
    if (reach > size) entry_of(site).reach.store_relaxed(reach - (reach - size) / 8);
  }

  // Its blocks become so long that moving the pages of a short one already pays.
  bool goes_far(Site site) {
    const Entry& entry = entry_of(site);
    return entry.is_of(site) && entry.reach.load_relaxed() >= kFar;
  }

  // At boot: steps are counted from now on, for add_to.
  void count_steps() { counts_ = true; }

  // At boot: what earlier runs have learned.
  void start_from(const learn::Profile& before);

  // What this process has counted, without what it began with. False when it found no room.
  bool add_to(learn::Profile& profile) const;

 private:
  static constexpr unsigned kSlotBits = 6;
  static constexpr std::size_t kMostTimes = 8;
  static constexpr std::size_t kFar = 4 * kMiB;

  struct Entry {
    Atomic<learn::Site> site{0};
    Atomic<std::size_t> reach{0};
    Atomic<std::uint32_t> steps[learn::kLargeClasses] = {};
    bool is_of(Site s) const {
      return s != Site::kUnknown && site.load_relaxed() == static_cast<learn::Site>(s);
    }
  };

  // 0: nothing is known.
  std::size_t reach_of(Site site) {
    const Entry& entry = entry_of(site);
    return entry.is_of(site) ? entry.reach.load_relaxed() : 0;
  }

  // Fibonacci hashing (Knuth, TAOCP 6.4).
  Entry& entry_of(Site site) {
    return entries_[(static_cast<std::uint32_t>(site) * 0x9E3779B1U) >> (32 - kSlotBits)];
  }

  static void take_over(Entry& entry, Site site, std::size_t reach);

  bool counts_ = false;  // written at boot
  Entry entries_[1U << kSlotBits];
};

inline constinit Growth growth;

}  // namespace hakmem
