// Idle bundles: what a sleeping thread has freed goes home without it, what it frees later too, and while
// both are at it no block has two holders.
#include "thread/idle_bundles.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include "pages/run_store.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/registry.hpp"
#include "thread/trading.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 1024;
constexpr std::size_t kBlocks = 60;  // fewer than a bundle holds

std::vector<void*> allocate_many(std::size_t count) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = allocate(kSize);
  return blocks;
}

void look_twice() {
  empty_idle_bundles();
  empty_idle_bundles();
}

// A thread that frees what it is given, piece by piece, and sleeps in between.
class Sleeper {
 public:
  Sleeper() : thread_([this] { run(); }) {}
  ~Sleeper() {
    next_ = nullptr;
    turn_.arrive_and_wait();
    thread_.join();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  void free_all(const std::vector<void*>& blocks) {
    next_ = &blocks;
    turn_.arrive_and_wait();
    turn_.arrive_and_wait();
  }

 private:
  void run() {
    for (;;) {
      turn_.arrive_and_wait();
      if (next_ == nullptr) return;
      for (void* block : *next_) deallocate(block);
      turn_.arrive_and_wait();
    }
  }

  const std::vector<void*>* next_ = nullptr;
  std::barrier<> turn_{2};
  std::thread thread_;
};

TEST(IdleBundles, OfASleepingThreadGoHome) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  const std::vector<void*> blocks = allocate_many(kBlocks);
  Sleeper sleeper;
  sleeper.free_all(blocks);
  bring_everything_home();
  EXPECT_GT(run_store.use().in_use_bytes(), before) << "they wait with the thread that has freed them";
  empty_idle_bundles();
  bring_everything_home();
  EXPECT_GT(run_store.use().in_use_bytes(), before) << "seen once only: it may be at work";
  look_twice();
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

TEST(IdleBundles, TheThreadGoesOnWithWhatIsLeftOfThem) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  const std::vector<void*> first = allocate_many(kBlocks);
  const std::vector<void*> second = allocate_many(2 * kBlocks);
  {
    Sleeper sleeper;
    sleeper.free_all(first);
    look_twice();
    sleeper.free_all(second);  // over the end of the bundle
  }
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

TEST(IdleBundles, AreEmptiedAgainWhenTheThreadHasGoneOn) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  const std::vector<void*> first = allocate_many(kBlocks / 2);
  const std::vector<void*> second = allocate_many(kBlocks / 2);  // there is room for them in the bundle
  Sleeper sleeper;
  sleeper.free_all(first);
  look_twice();
  sleeper.free_all(second);
  look_twice();
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

TEST(IdleBundles, OfNobodyNeedNoMoreLooks) {
  Sleeper sleeper;
  const std::vector<void*> blocks = allocate_many(kBlocks);
  sleeper.free_all(blocks);
  EXPECT_TRUE(any_open_bundle());
  look_twice();
  look_twice();
  EXPECT_FALSE(any_open_bundle());
  bring_everything_home();
}

// More owners and classes than a thread has bundles for: the blocks gather by class, and all come home.
TEST(Bundles, OfMoreHeapsThanThereAreSlots) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  constexpr std::size_t kOwners = 40;
  constexpr std::size_t kEach = 30;
  std::vector<std::vector<void*>> blocks(kOwners);
  std::barrier<> all_have(kOwners + 1);
  std::vector<std::thread> owners;
  for (std::vector<void*>& theirs : blocks) {
    owners.emplace_back([&] {
      for (std::size_t i = 0; i < kEach; ++i) theirs.push_back(allocate(std::size_t{64} << i % 5));
      all_have.arrive_and_wait();
      all_have.arrive_and_wait();  // so that each has a heap of its own
    });
  }
  all_have.arrive_and_wait();
  for (std::size_t i = 0; i < kEach; ++i) {
    for (const std::vector<void*>& theirs : blocks) deallocate(theirs[i]);
  }
  std::set<void*> again;
  for (std::size_t i = 0; i < kOwners * kEach; ++i) again.insert(allocate(std::size_t{64} << i % 5));
  EXPECT_EQ(again.size(), kOwners * kEach) << "a block twice";
  for (void* block : again) deallocate(block);
  all_have.arrive_and_wait();
  for (std::thread& owner : owners) owner.join();
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before + 5 * kGranuleBytes) << "the slab of each class that many heaps share stays";
}

// Threads free each other's blocks while somebody takes every pause between two frees for sleep.
TEST(IdleBundles, EveryBlockHasOneHolderWhileThreadsAreTakenForSleeping) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  std::atomic<bool> done{false};
  std::thread emptier([&] {
    while (!done.load()) empty_idle_bundles();
  });
  trade_blocks(8, 300);
  done.store(true);
  emptier.join();
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
  EXPECT_TRUE(run_store.check_invariants());
}

}  // namespace
}  // namespace hakmem
