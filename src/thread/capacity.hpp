// Capacity: what a heap knows of its own demand, and the budget that all heaps' caches share.
//
//   cache_budget  bound = processors x knobs::kSpareBytesPerCpu        free: bound - allowances
//     heap A   [ allowance: spare magazines in use | not in use ]      grows with churn
//     heap B   [ in use | not in use ]  idle: what is not in use may be lent to A
//
// How allowances and fill targets move is in learn/fill_target.hpp; with live_knobs.adapt false
// they do not. Invariants:
//   (1) allowances and what is free of the budget add up to the bound;
//   (2) a heap puts no magazine among its spares that would exceed its allowance, but one that is
//       lent away at that moment; what an inbox brings comes on top.
//
// Above: heap. Below: learn, config. Counts and demand are written by the heap's thread alone; the
// budget by any thread.
#pragma once

#include "config/live_knobs.hpp"
#include "learn/fill_target.hpp"
#include "os/clock.hpp"

namespace hakmem {

class CacheBudget {
 public:
  // One caller at a time. It never falls: what heaps have been allowed stays theirs.
  void raise_bound(std::size_t bytes) {
    const std::size_t bound = bound_.load_relaxed();
    if (bytes <= bound) return;
    bound_.store_relaxed(bytes);
    free_.fetch_add_relaxed(bytes - bound);
  }

  // As much of `bytes` as there is.
  std::size_t take(std::size_t bytes);
  void give(std::size_t bytes) { free_.fetch_add_relaxed(bytes); }

  std::size_t bound() const { return bound_.load_relaxed(); }
  std::size_t free_bytes() const { return free_.load_relaxed(); }

 private:
  Atomic<std::size_t> bound_;
  Atomic<std::size_t> free_;
};

inline constinit CacheBudget cache_budget;

// What slow paths do, by what it costs.
enum class SlowWork : std::uint8_t { kFromSlabs, kHome, kHandOver, kTakeOver };
inline constexpr unsigned kSlowWorks = 4;

// Sums over a heap's whole life, and what a look has found, 0 once it is closed. One writer; the tuner
// reads them at any time.
struct SlowCounts {
  struct Work {
    Atomic<std::uint64_t> events;
    Atomic<std::uint64_t> sampled;
    Atomic<std::uint64_t> sampled_ns;
  };
  Work works[kSlowWorks];
  Atomic<std::uint64_t> blocks;          // that refills have brought, from anywhere
  Atomic<std::size_t> attached_free;     // bytes free in attached slabs, at the last look
  Atomic<std::uint32_t> sent[kClasses];  // blocks handed over
  Atomic<std::uint16_t> open[kClasses];  // bundles under way at the last look
  Atomic<std::size_t> open_bytes;        // in them
};

template <typename T>
void count(Atomic<T>& sum, T n) {
  sum.store_relaxed(static_cast<T>(sum.load_relaxed() + n));
}

// Counts its scope, and times one in kSampled of them. Nothing happens in static mode.
class SlowEvent {
 public:
  SlowEvent(SlowCounts& counts, SlowWork work)
      : work_(live_knobs.adapt ? &counts.works[static_cast<unsigned>(work)] : nullptr) {
    if (work_ == nullptr) return;
    count(work_->events, std::uint64_t{1});
    if (work_->events.load_relaxed() % kSampled == 0) start_ns_ = os::now_ns();
  }
  ~SlowEvent() {
    if (start_ns_ != 0) finish();
  }
  SlowEvent(const SlowEvent&) = delete;
  SlowEvent& operator=(const SlowEvent&) = delete;

 private:
  static constexpr std::uint64_t kSampled = 16;
  static constexpr std::uint64_t kMostNs = 50'000;  // more: the thread was not running

  void finish();

  SlowCounts::Work* work_;
  std::uint64_t start_ns_ = 0;
};

// How often allowances and fill targets have moved, in all heaps: for reports.
struct CapacityMoves {
  Atomic<std::uint64_t> growths;
  Atomic<std::uint64_t> shrinkings;
  Atomic<std::uint64_t> loans;  // from an idle heap
  Atomic<std::uint64_t> homecomings;  // classes whose cached blocks went home because they were idle
};
inline constinit CapacityMoves capacity_moves;

}  // namespace hakmem
