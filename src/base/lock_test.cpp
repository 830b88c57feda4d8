// Lock: one holder at a time, re-entry at fork, ranks checked in debug builds.
#include "base/lock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace hakmem {
namespace {

bool another_thread_gets(Lock& lock) {
  bool got = false;
  std::thread([&] {
    if (!lock.try_lock()) return;
    lock.unlock();
    got = true;
  }).join();
  return got;
}

TEST(Lock, OneHolderAtATime) {
  Lock lock(LockRank::kRuns);
  long counter = 0;  // plain: also ThreadSanitizer's to check
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const LockGuard guard(lock);
        ++counter;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 80'000);
  EXPECT_TRUE(another_thread_gets(lock));
}

// A waiter that has stopped spinning is woken, and so is the one after it.
TEST(Lock, SleepersAreWokenOneAfterTheOther) {
  Lock lock(LockRank::kRuns);
  std::atomic<int> waiting{0};
  int entered = 0;
  lock.lock();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      ++waiting;
      const LockGuard guard(lock);
      ++entered;
    });
  }
  while (waiting.load() < 3) std::this_thread::yield();
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(entered, 0) << "nobody enters while it is held";
  lock.unlock();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(entered, 3);
}

TEST(Lock, TryLockSaysWhetherItIsHeld) {
  Lock lock(LockRank::kRuns);
  if (!lock.try_lock()) FAIL() << "nobody holds it";
  EXPECT_FALSE(another_thread_gets(lock));
  lock.unlock();
  EXPECT_TRUE(another_thread_gets(lock));
}

// fork() from a signal handler that interrupted the holder: the lock stays the holder's.
TEST(Lock, ForkEntersWhatItsOwnThreadHolds) {
  Lock lock(LockRank::kRuns);
  lock.lock();
  lock.lock_for_fork(true);
  lock.lock_for_fork(true);
  lock.unlock_after_fork(false);
  lock.unlock_after_fork(false);
  EXPECT_FALSE(another_thread_gets(lock)) << "the interrupted section goes on";
  lock.unlock();
  EXPECT_TRUE(another_thread_gets(lock));
}

TEST(Lock, ForkTakesAndGivesBackWhatIsFree) {
  Lock lock(LockRank::kRuns);
  lock.lock_for_fork(true);
  EXPECT_FALSE(another_thread_gets(lock));
  lock.unlock_after_fork(false);
  EXPECT_TRUE(another_thread_gets(lock));
}

TEST(Lock, ForkWaitsForAnotherThread) {
  Lock lock(LockRank::kRuns);
  std::atomic<bool> held{false};
  std::atomic<bool> release{false};
  int order = 0;
  std::thread holder([&] {
    lock.lock();
    held = true;
    while (!release.load()) std::this_thread::yield();
    order = 1;
    lock.unlock();
  });
  while (!held.load()) std::this_thread::yield();
  release = true;
  while (!lock.lock_for_fork(true)) {}
  EXPECT_EQ(order, 1);
  lock.unlock_after_fork(false);
  holder.join();
}

// Another thread's for as long as this lives.
class Holder {
 public:
  explicit Holder(Lock& lock) : thread_([this, &lock] { hold(lock); }) {
    while (!held_.load()) std::this_thread::yield();
  }
  ~Holder() {
    release_ = true;
    thread_.join();
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  void hold(Lock& lock) {
    const LockGuard guard(lock);
    held_ = true;
    while (!release_.load()) std::this_thread::yield();
  }

  std::atomic<bool> held_{false};
  std::atomic<bool> release_{false};
  std::thread thread_;
};

// The holder may wait for a lock of ours, or for what a patient fork has, which then begins anew.
TEST(Lock, ForkGivesUpAndTheChildFindsItFree) {
  Lock lock(LockRank::kRuns);
  for (const bool patient : {false, true}) {
    const Holder holder(lock);
    EXPECT_EQ(lock.lock_for_fork(patient), !patient);
    lock.unlock_after_fork(false);
    EXPECT_FALSE(another_thread_gets(lock)) << "in the parent it is still the holder's";
  }

  lock.lock_for_fork(true);
  std::thread([&] {
    lock.lock_for_fork(false);
    lock.unlock_after_fork(true);
  }).join();
  EXPECT_TRUE(another_thread_gets(lock)) << "as in a child";
}

// A lock that was made meanwhile, say.
TEST(Lock, ForkDropsWhatItHasTakenAlone) {
  Lock lock(LockRank::kRuns);
  lock.lock();
  for (const bool in_child : {false, true}) {
    lock.unlock_after_fork(in_child);
    EXPECT_FALSE(another_thread_gets(lock)) << in_child;
  }
  lock.unlock();
  lock.lock_for_fork(true);
  lock.unlock_after_fork(false);
  lock.lock();
  lock.unlock_after_fork(false);
  EXPECT_FALSE(another_thread_gets(lock)) << "once";
  lock.unlock();
}

TEST(Lock, RanksMayRiseAndBeTakenAgain) {
  Lock low(LockRank::kHeap);
  Lock high(LockRank::kMetadata);
  for (int i = 0; i < 2; ++i) {
    const LockGuard outer(low);
    const LockGuard inner(high);
  }
  EXPECT_TRUE(another_thread_gets(low));
  EXPECT_TRUE(another_thread_gets(high));
}

#ifndef NDEBUG
TEST(LockDeathTest, FallingRanksAreAnError) {  // (1)
  Lock low(LockRank::kHeap);
  Lock high(LockRank::kMetadata);
  EXPECT_DEATH(
      {
        const LockGuard outer(high);
        const LockGuard inner(low);
      },
      "assertion failed.*held_rank.*lock\\.cpp");
}

TEST(LockDeathTest, TwoOfOneRankAreAnError) {  // (1)
  Lock one(LockRank::kShard);
  Lock other(LockRank::kShard);
  EXPECT_DEATH(
      {
        const LockGuard outer(one);
        const LockGuard inner(other);
      },
      "assertion failed.*held_rank");
}
#endif

}  // namespace
}  // namespace hakmem
