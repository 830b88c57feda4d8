#include "large/run_cache.hpp"

#include "config/knobs.hpp"
#include "os/alarm.hpp"

namespace hakmem {

constinit RunCache run_cache;

Run* RunCache::take(Granules count) {
  const std::uint64_t n = count_of(count);
  if (n > kMaxGranules || held_.load_relaxed() < n) return nullptr;
  const LockGuard guard(lock_);
  Run* run = idle_[n];
  if (run == nullptr) return nullptr;
  idle_[n] = run->next.load_relaxed();
  if (--count_[n] < low_[n]) low_[n] = count_[n];
  held_.store_relaxed(held_.load_relaxed() - n);
  return run;
}

bool RunCache::keep(Run* run) {
  const std::uint64_t n = count_of(run->count);
  constexpr std::uint64_t kLimit = knobs::kRunCacheBytes / kGranuleBytes;
  if (n > kMaxGranules) return false;
  const LockGuard guard(lock_);
  if (held_.load_relaxed() + n > kLimit) return false;  // (1)
  run->next.store_relaxed(idle_[n]);
  idle_[n] = run;
  ++count_[n];
  held_.store_relaxed(held_.load_relaxed() + n);
  os::housekeeping_alarm.ring();
  return true;
}

// Cuts the list of one length behind its newest `stay` runs and returns the rest.
Run* RunCache::cut_locked(std::uint64_t n, unsigned stay) {
  Run* last = nullptr;
  for (unsigned i = 0; i < stay; ++i) last = last == nullptr ? idle_[n] : last->next.load_relaxed();
  Run* rest = last == nullptr ? idle_[n] : last->next.load_relaxed();
  if (last == nullptr) idle_[n] = nullptr;
  else last->next.store_relaxed(nullptr);
  held_.store_relaxed(held_.load_relaxed() - n * (count_[n] - stay));
  count_[n] = low_[n] = static_cast<std::uint16_t>(stay);
  return rest;
}

void RunCache::trim(bool all) {
  for (std::uint64_t n = 1; n <= kMaxGranules && held_.load_relaxed() != 0; ++n) {
    Run* leaving = nullptr;
    {
      const LockGuard guard(lock_);
      if (idle_[n] != nullptr) leaving = cut_locked(n, all ? 0 : count_[n] - low_[n]);
    }
    while (leaving != nullptr) {
      Run* next = leaving->next.load_relaxed();
      run_store.release(leaving);
      leaving = next;
    }
  }
}

}  // namespace hakmem
