// Lock: a small mutex for slow paths, with ranks checked in debug builds, and fork in mind.
//
//   word_   0: free | the holder's thread token, and kSleepers when somebody may sleep
//
// Word and owner are one, so that a fork from a signal handler, which may interrupt its thread at
// any instruction, knows for sure whether the lock is its own.
//
// Invariants:
//   (1) a thread takes locks in strictly rising rank, except at fork (api/fork.cpp takes all);
//   (2) no lock is held while user code runs.
//
// Sleeping and waking are done by the three functions below, defined in os/futex.cpp: base makes no
// system call. Above: every layer with shared state. Below: atomics. Any thread.
#pragma once

#include <cstdint>

#include "base/annotations.hpp"
#include "base/atomics.hpp"
#include "base/check.hpp"

namespace hakmem {

enum class LockRank : std::uint8_t { kUserHeaps = 1, kHeap, kRegistry, kIdleBundles, kSharedSlabs, kShard, kIdleReport, kCollapse, kLarge, kLearning, kGrowth, kRuns, kMetadata, kTrace, kLast };

void lock_sleep(Atomic<std::uint32_t>* word, std::uint32_t while_value);
void lock_wake(Atomic<std::uint32_t>* word);
void lock_pause(std::uint32_t microseconds);

// Identifies the calling thread: a number from 1, below kSleepers, given at its first lock.
std::uint32_t thread_token();

#ifdef NDEBUG
inline void note_lock_taken(LockRank) {}
inline void note_lock_dropped(LockRank) {}
#else
void note_lock_taken(LockRank rank);
void note_lock_dropped(LockRank rank);
#endif

class HAK_CAPABILITY("mutex") Lock {
 public:
  constexpr explicit Lock(LockRank rank) : rank_(rank) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() HAK_ACQUIRE() HAK_UNCHECKED {
    take();
    note_lock_taken(rank_);
  }

  void unlock() HAK_RELEASE() HAK_UNCHECKED {
    note_lock_dropped(rank_);
    drop();
  }

  bool try_lock() HAK_TRY_ACQUIRE(true) HAK_UNCHECKED {
    if (!try_take()) return false;
    note_lock_taken(rank_);
    return true;
  }

  bool is_mine() const { return (word_.load_relaxed() & ~kSleepers) == thread_token(); }

  // For fork only, one thread at a time. The calling thread may hold the lock already, below the signal
  // handler that forks: then it keeps it. The lock's holder may be waiting for what this thread holds, so
  // it is waited for a while only. False: `patient` for nothing, and as before. Who is not goes on without
  // it: the child then finds it free, its record as it was.
  bool lock_for_fork(bool patient);
  void unlock_after_fork(bool in_child);

 private:
  static constexpr std::uint32_t kSleepers = std::uint32_t{1} << 31;

  bool try_take() {
    std::uint32_t expected = 0;
    return word_.try_replace_acquire(expected, thread_token());  // pairs with drop()
  }
  bool take_for_fork() {
    if (!try_take()) return false;
    taken_for_fork_ = true;
    return true;
  }
  void take() {
    if (HAK_UNLIKELY(!try_take())) take_slow();
  }
  void take_slow();
  void drop() {
    // Release: pairs with the acquire in try_take() and take_slow().
    if (HAK_UNLIKELY((word_.exchange_acq_rel(0) & kSleepers) != 0)) lock_wake(&word_);
  }

  Atomic<std::uint32_t> word_{0};
  LockRank rank_;
  bool taken_for_fork_ = false;  // written by who holds it
};

class HAK_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(Lock& lock) HAK_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~LockGuard() HAK_RELEASE() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace hakmem
