// Tuner: moves the live knobs of the small and middle tiers, from what all heaps' slow paths have
// done.
//
//   heaps' SlowCounts --each kTuneMs--> bill of the interval --HillClimber--> depot, inbox, slabs, growth
//                                       blocks sent, bundles under way --next_bundle--> bundle_blocks[class]
//
// The bill is (slow-path events x what one takes, measured + the time that new regions took + price x
// bytes idle in caches, bundles, inboxes, the depot, attached slabs and the page map x time) for each block
// that refills have brought. The price is the one in force (price.hpp): it rises near a memory limit.
// Decisions are in learn/; each one is kept as an event with its reason, for reports.
//
// Above: housekeeping, reports. Below: registry, learn. Any thread; one at a time works, others
// pass.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem {

// Whether knobs move (HAKMEM_MODE=adaptive, and learning is on). Once, at boot.
void boot_tuner(bool adapt, unsigned cpus);

// To be called with what is due; does nothing before the next interval is over.
void tune(std::uint64_t now_ms);

// In a forked child: whoever was at work is not there.
void forget_tuner();

enum class KnobId : std::uint8_t { kDepot, kInbox, kAttached, kGrowth };
inline constexpr unsigned kClimbedKnobs = 4;

enum class KnobReason : std::uint8_t { kNever, kTrial, kCheaper, kDearer, kNoDifference };

// A knob as it stands, and how its last trial ended.
struct KnobState {
  std::uint64_t value;
  std::uint64_t static_value;
  std::uint32_t kept;  // times it has moved for good
  KnobReason reason;
  int per_mille;  // what the last trial changed of the bill
};
KnobState knob_state(KnobId knob);

struct TunerState {
  bool settled;
  std::uint32_t changes;         // of levels, trials included
  std::uint32_t bundle_changes;  // of thresholds of classes
  std::uint32_t cold_classes;    // whose threshold is below a magazine
  double bill_cpu_s;             // CPU on slow paths so far, by the counts and measured costs
  double bill_memory_s;          // price x GiB-seconds idle so far
};
TunerState tuner_state();

}  // namespace hakmem
