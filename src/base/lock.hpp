// Lock: a small mutex for slow paths, with ranks checked in debug builds, and fork in mind.
//
//   word_   0 free | 1 held | 2 held, and somebody sleeps
//   owner_  the holder's thread token, so that a fork from a signal handler which interrupted the
//           holder knows that the lock is its own
//
// Invariants:
//   (1) a thread takes locks in strictly rising rank, except at fork (api/fork.cpp takes all);
//   (2) no lock is held while user code runs;
//   (3) the holder is the only one to write owner_.
//
// Sleeping and waking are done by the two functions below, defined in os/futex.cpp: base makes no
// system call. Above: every layer with shared state. Below: atomics. Any thread.
#pragma once

#include <cstdint>

#include "base/annotations.hpp"
#include "base/atomics.hpp"
#include "base/check.hpp"

namespace hakmem {

enum class LockRank : std::uint8_t { kUserHeaps = 1, kHeap, kRegistry, kSharedStart, kShard, kLarge, kRuns, kMetadata, kLast };

void lock_sleep(Atomic<std::uint32_t>* word, std::uint32_t while_value);
void lock_wake(Atomic<std::uint32_t>* word);

// Identifies the calling thread: the address of one of its thread-local variables.
const void* thread_token();

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
    std::uint32_t expected = 0;
    // Acquire: pairs with the release in unlock().
    if (HAK_UNLIKELY(!word_.try_replace_acquire(expected, 1))) lock_slow();
    owner_.store_relaxed(thread_token());
    note_lock_taken(rank_);
  }

  bool try_lock() HAK_TRY_ACQUIRE(true) HAK_UNCHECKED {
    std::uint32_t expected = 0;
    if (!word_.try_replace_acquire(expected, 1)) return false;
    owner_.store_relaxed(thread_token());
    note_lock_taken(rank_);
    return true;
  }

  void unlock() HAK_RELEASE() HAK_UNCHECKED {
    note_lock_dropped(rank_);
    owner_.store_relaxed(nullptr);
    // Release: pairs with the acquire in lock() and lock_slow().
    if (HAK_UNLIKELY(word_.exchange_acq_rel(0) == 2)) lock_wake(&word_);
  }

  // For fork only: the same thread may hold the lock already, below the signal handler that forks.
  void lock_for_fork() {
    if (owner_.load_relaxed() == thread_token()) {
      ++fork_depth_;
      return;
    }
    std::uint32_t expected = 0;
    if (!word_.try_replace_acquire(expected, 1)) lock_slow();
    owner_.store_relaxed(thread_token());
  }

  void unlock_after_fork() {
    if (fork_depth_ > 0) {
      --fork_depth_;
      return;
    }
    owner_.store_relaxed(nullptr);
    if (word_.exchange_acq_rel(0) == 2) lock_wake(&word_);
  }

 private:
  void lock_slow();

  Atomic<std::uint32_t> word_{0};
  LockRank rank_;
  std::uint8_t fork_depth_ = 0;
  Atomic<const void*> owner_{nullptr};
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
