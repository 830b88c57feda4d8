// Knobs: every number that trades time against memory, in one place.
//
// Compile-time constants stand here with the reason for their value; what an option can change is
// in `Settings`, written once at boot and read with plain loads afterwards.
//
// Above: everything that decides. Below: base.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"
#include "config/size_classes.hpp"

namespace hakmem {

enum class HugePagePolicy : std::uint8_t { kAuto, kAlways, kNever };
enum class Background : std::uint8_t { kAuto, kOn, kOff };
enum class Mode : std::uint8_t { kStatic, kAdaptive, kHybrid };
enum class Learn : std::uint8_t { kOff, kShadow, kOn, kFrozen };

// A memory limit as it was asked for.
struct LimitChoice {
  enum class Kind : std::uint8_t { kOff, kAuto, kBytes, kPercent };
  Kind kind = Kind::kOff;
  std::uint64_t value = 0;  // bytes, or per cent
};

struct Settings {
  HugePagePolicy huge_pages = HugePagePolicy::kAuto;
  std::uint32_t purge_delay_ms = 1000;
  Background background = Background::kAuto;
  Mode mode = Mode::kHybrid;
  Learn learn = Learn::kOn;
  const char* selector = "hindsight";
  double price = 0.125;  // CPU seconds that one GiB held for one second may cost
  LimitChoice limit{LimitChoice::Kind::kAuto, 0};
  LimitChoice hard_limit;
  bool verbose = false;
  const char* stats_path = nullptr;
  const char* profile_path = nullptr;
  const char* topology_path = nullptr;
};

inline constinit Settings settings;

namespace knobs {

// A magazine holds at most this many bytes, so that a thread's caches stay small where blocks are
// large, but at least kMinMagazine blocks, so that a random walk of allocations and frees rarely
// reaches either end.
inline constexpr std::size_t kMagazineBytes = 512 * kKiB;
inline constexpr std::size_t kMinMagazine = 16;

// Full magazines that a thread keeps beyond the loaded ones, in bytes over all classes. The same
// order as the caches of other allocators (gperftools: 32 MiB over all threads; tcmalloc: 1.5 MiB a
// processor).
inline constexpr std::size_t kSpareBytes = 1 * kMiB;

// The first refill of a class takes this many blocks, each further one twice as many.
inline constexpr std::size_t kFirstFill = 8;

// Slabs of one class that a thread keeps attached (reachable without any lock). More keep more
// memory from other threads while their owner sleeps.
inline constexpr std::size_t kAttachedSlabs = 4;

// Bundles of freed blocks waiting for a live owner, per class: more are sent to their slabs, so that
// a sleeping owner strands little.
inline constexpr std::size_t kInboxBytes = 256 * kKiB;

// A bundle of other heaps' blocks, on its way out, but kFirstFill blocks: a thread may have one of every class for each of
// the others, and nobody else can have what waits in them. With up to 512 KiB each, as a magazine has, the server mix
// with 4 workers held 64 MiB, 20 of them in bundles, for 39.
inline constexpr std::size_t kBundleBytes = 32 * kKiB;

// Bundles in the depot, per class.
inline constexpr std::size_t kDepotBytes = 256 * kKiB;

// New address space comes in pieces of the heap divided by this.
inline constexpr std::uint32_t kGrowthDivisor = 2;

// Spare magazines of all threads together, for each processor, in adaptive mode: as many threads as
// processors can each have half of what the largest caches of other allocators have in all (gperftools: 32 MiB).
inline constexpr std::size_t kSpareBytesPerCpu = 16 * kMiB;

// What a heap's spare magazines may have there before they have shown that they need more.
inline constexpr std::size_t kFirstAllowance = 256 * kKiB;

// Free memory that may stay resident while it waits for its release delay. Above it, the oldest goes
// at once: without the background thread nothing else would release it when nobody calls the
// allocator any more, and slabs that are cut from partly touched memory would touch ever more of it.
// Holding 128 MiB for the delay costs 16 ms by the bill, returning and faulting it in again 60 ms.
inline constexpr std::size_t kDirtyLimit = 128 * kMiB;

// What large blocks may wait in all threads' hands together (large/hands.hpp): two of the longest that
// programs take and free in a loop.
inline constexpr std::size_t kHandBytes = 128 * kMiB;

// The same for each processor among many heaps: most of their threads are not running, and use no hand.
inline constexpr std::size_t kHandBytesPerCpu = 16 * kMiB;

// What nothing was learned of is held on a guess. Beyond so much idle memory no guess holds for longer
// than this: who frees a GiB at the end of a phase should not have to wait for the break-even time.
inline constexpr std::size_t kGuessedBytes = 32 * kMiB;
inline constexpr std::uint32_t kGuessedMs = 1500;

// Idle large blocks that stay resident in a process without the background thread, where nobody may
// come by to give them back: the kernel may take the rest (MADV_FREE).
inline constexpr std::size_t kUnwatchedBytes = 128 * kMiB;

// How often slow paths look whether something is due.
inline constexpr std::uint32_t kHousekeepingMs = 100;

// How long a bundle of blocks may wait, in a thread or in the depot, before it goes home.
inline constexpr std::uint32_t kFlushMs = 1000;

// What the heaps of exited threads may hold for the next ones, all together, for kFlushMs. A thread
// that uses two dozen classes has 1.5 MiB of attached slabs.
inline constexpr std::size_t kParkedBytes = 8 * kMiB;

// Above the soft limit free runs go back once they are this much: a call to the kernel for each slab
// would cost more than the pages are worth.
inline constexpr std::size_t kLimitSlack = 1 * kMiB;

// How often the background thread looks what the rest of a limited cgroup uses.
inline constexpr std::uint32_t kLookAroundMs = 1000;

// From this much mapped heap on, automatic mode asks for huge pages: a smaller heap holds a fifth
// more memory with them and is not faster (docs/decisions/0004-huge-pages.md).
inline constexpr std::size_t kHugePagesFrom = 512 * kMiB;

// From this much mapped heap on, its bill decides, where learning acts: in a smaller heap the one huge page that
// is used in part is more than a twentieth of it.
inline constexpr std::size_t kHugeQuestionFrom = 32 * kMiB;

// Huge pages may make this much more resident than small ones would.
inline constexpr double kMostHugeWaste = 0.05;

// A block up to this is touched for its program, where that will touch all of it. Longer ones are often touched by many
// threads at once, each of which takes its own faults.
inline constexpr std::size_t kMostTouchedAhead = 64 * kMiB;

// From this much committed heap on what pages cost is measured (thread/known_costs.hpp), once: measuring takes 288 faults,
// and a smaller heap, however long its region, saves too few.
inline constexpr std::size_t kMeasuredFrom = 32 * kMiB;

// Blocks from this size are mappings of their own.
inline constexpr std::size_t kHugeFrom = 32 * kMiB;

// realloc moves pages instead of copying from this size.
inline constexpr std::size_t kMoveFrom = 1 * kMiB;

// A block below kHugeFrom becomes a mapping of its own only while fewer of them live: each takes two of
// the 65,530 mappings that a process may have.
inline constexpr std::size_t kMostMovedEarly = 1024;

// With more live heaps than this for each processor, heaps share their slabs (thread/sharing.cpp): a slab a class
// and heap, most of whose threads are not running, holds more free blocks than live ones. Up to so many hardly any line has blocks of
// two threads. No sweep: what was measured is nine heaps and more on two processors, and five (docs/decisions/0030-many-heaps-share.md).
inline constexpr unsigned kOwnSlabHeapsPerCpu = 3;

// A thread that is not the only one begins on shared slabs, too, and has its own after so many slow paths: one that ends or sleeps
// before has not filled them, and what is left of them nobody else can use. With 32, threads of 400 blocks come so far (11.7 MiB
// for 5.6, 8 at a time); with 128, threads that leave 1,000 blocks to another had 0.90 of the throughput.
inline constexpr std::uint32_t kSlowPathsOnShared = 64;

// What such a heap takes at most for a class under the slabs' lock. With 2 KiB producers and consumers, 32 of each, had
// 0.9 of the throughput; with 16 KiB as much.
inline constexpr std::size_t kSharedFillBytes = 8 * kKiB;

// And what one of its magazines holds, but kMinSharedMagazine blocks in any case: most wait for their thread's next turn. With
// 8 KiB Larson's server was slower (0.92 of the throughput with 8 threads, 0.87 with 64), with 32 KiB threads that sleep hold 1.4
// times as much.
inline constexpr std::size_t kSharedMagazineBytes = 16 * kKiB;
inline constexpr std::size_t kMinSharedMagazine = 2;

// How many times kDepotBytes a processor's depot holds of a class. With as much as a place's, producers and consumers, 32 of each,
// had 0.86 to 0.91 of the throughput; four times as much gained nothing more.
inline constexpr unsigned kSharedDepotTimes = 2;

// And what spare magazines it has, over all classes: a little, so that allocations and frees at random stay within the thread.
// Without them Larson's server had 0.9 of the throughput.
inline constexpr std::size_t kSharedSpareBytes = 64 * kKiB;

// With more live heaps than this for each processor most of them sleep, and whatever each keeps counts
// thousandfold: a heap takes little at a time from shared slabs, and lets others take back what it has freed.
inline constexpr unsigned kCrowdPerCpu = 64;
inline constexpr std::size_t kCrowdFillBytes = 512;

// How often somebody looks for bundles of sleeping threads: what has not changed from one look to the next
// goes home, and with the purge delay of a second its pages within two.
inline constexpr std::uint32_t kIdleBundlesMs = 300;

}  // namespace knobs

constexpr std::size_t clamp_size(std::size_t n, std::size_t low, std::size_t high) {
  return n < low ? low : n > high ? high : n;
}

}  // namespace hakmem
