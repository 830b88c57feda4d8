// Live knobs: the numbers of the small and middle tiers that may move while the program runs.
//
//   learn (pure)  --decision-->  thread/tuner  --store-->  live_knobs  --relaxed load-->  slow paths
//
// Each is a number of its own: a reader may see an old one beside a new one, and whatever it sees
// is within the range that its comment states. They start at the static values of knobs.hpp, and
// stay there unless HAKMEM_MODE=adaptive lets the tuner move them.
//
// Above: pages, slabs, depot, thread. Below: base. Any thread reads, in slow paths only; the tuner
// writes.
#pragma once

#include "base/atomics.hpp"
#include "config/knobs.hpp"

namespace hakmem {

struct LiveKnobs {
  // A bundle of others' blocks leaves when it has this many, or sooner by its pace; 0: by that alone.
  Atomic<std::uint16_t> bundle_blocks[kClasses] = {};

  unsigned bundle_limit(ClassId c, unsigned magazine) const {
    const unsigned blocks = bundle_blocks[index_of(c)].load_relaxed();
    return blocks == 0 || blocks > magazine ? magazine : blocks;
  }

  Atomic<std::size_t> inbox_bytes{knobs::kInboxBytes};          // a class and heap, 64 KiB to 4 MiB
  Atomic<std::size_t> depot_bytes{knobs::kDepotBytes};          // a class, 64 KiB to 4 MiB
  Atomic<std::uint32_t> attached_slabs{knobs::kAttachedSlabs};  // a class and heap, 1 to 32
  Atomic<std::uint32_t> growth_divisor{knobs::kGrowthDivisor};  // new address space: heap / this; 1 to 8

  // How long a free part of a huge page is held before it goes back; 0: as long as any free run.
  // Written once, at boot.
  std::uint32_t huge_hold_ms = 0;

  // False: each thread's spare magazines have knobs::kSpareBytes, fill targets only rise, and
  // nothing above moves. Written once, at boot.
  bool adapt = false;
};

inline constinit LiveKnobs live_knobs;

}  // namespace hakmem
