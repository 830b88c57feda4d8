// Run cache: large blocks that were freed a moment ago, still as they were, by length.
//
//   length (granules)   1   2   3  ...  128
//   idle runs           o   o-o              newest first: the next block of that length is one pop
//
// A run here is not free for anybody else: it has not coalesced, and is tagged kBusy. At each
// housekeeping, the runs that nobody has needed since the one before (the low-water mark of their
// list) move on to the run store, where their release delay begins.
//
// Invariants:
//   (1) the cache holds at most knobs::kRunCacheBytes;
//   (2) idle_[n] has count_[n] runs of n granules, and at least low_[n] of them have been there
//       since the last trim().
//
// Above: large. Below: run store. Any thread; one lock (rank kLarge).
#pragma once

#include "pages/run_store.hpp"

namespace hakmem {

class RunCache {
 public:
  // A run of exactly this length, or nullptr.
  Run* take(Granules count);

  // False when it is too long or there is no room: the run stays yours.
  bool keep(Run* run);

  // Moves what was not needed since the last call (`all`: everything) to the run store.
  void trim(bool all);

  std::size_t held_bytes() const { return held_.load_relaxed() * kGranuleBytes; }

  bool lock_is_mine() const { return lock_.is_mine(); }
  void lock_for_fork(bool patient) { lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) { lock_.unlock_after_fork(in_child); }

 private:
  static constexpr std::uint64_t kMaxGranules = 128;

  Run* cut_locked(std::uint64_t n, unsigned stay) HAK_REQUIRES(lock_);

  Lock lock_{LockRank::kLarge};
  Run* idle_[kMaxGranules + 1] HAK_GUARDED_BY(lock_) = {};
  std::uint16_t count_[kMaxGranules + 1] HAK_GUARDED_BY(lock_) = {};
  std::uint16_t low_[kMaxGranules + 1] HAK_GUARDED_BY(lock_) = {};
  Atomic<std::uint64_t> held_{0};  // granules; written under the lock
};

extern RunCache run_cache;

}  // namespace hakmem
