// Sharing: among many heaps blocks are everybody's own, before and after not; and none is lost on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "thread/sharing_fixture.hpp"
#include "thread/trading.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kLeastGathered = 8;

using Sharing = SharingTest;

TEST_F(Sharing, AThreadThatBeginsAmongManyHeapsTakesFromSharedSlabs) {
  const ManyHeaps many;
  std::thread([] {
    for (const std::size_t size : {kSplit, kMiddle, kMaxSmall}) {
      const HeldBlocks blocks(size);
      EXPECT_EQ(blocks.shared(), blocks.size()) << size;
    }
  }).join();
}

TEST_F(Sharing, AnothersBlockIsFreedAsOnesOwn) {
  const ManyHeaps many;
  void* block = nullptr;
  std::thread([&] { block = allocate(kSplit); }).join();
  std::thread([&] {
    deallocate(allocate(kSplit));
    deallocate(block);
    EXPECT_EQ(allocate(kSplit), block) << "it is what was freed last";
    deallocate(block);
  }).join();
}

TEST_F(Sharing, BeginsAndEndsWithTheNumberOfHeaps) {
  std::thread([] {
    work_for_a_while();
    HeldBlocks before(kSplit);
    EXPECT_EQ(before.shared(), 0U);
    {
      const ManyHeaps many;
      look_again();
      const HeldBlocks meanwhile(kSplit);
      EXPECT_EQ(meanwhile.shared(), meanwhile.size());
    }
    look_again();
    const HeldBlocks afterwards(kSplit);
    EXPECT_EQ(afterwards.shared(), 0U);
  }).join();
}

// Blocks of the time before are freed by a heap that shares now: they go home, and their slabs become everybody's.
TEST_F(Sharing, WhatAHeapHadBeforeComesHome) {
  std::thread([] {
    work_for_a_while();
    const std::size_t in_use = run_store.use().in_use_bytes();
    HeldBlocks before(kMiddle, kLots);
    ASSERT_GE(run_store.use().in_use_bytes(), in_use + kLots);
    const ManyHeaps many;
    look_again();
    before.free_all();
    thread_heap()->flush_foreign();
    return_everything_idle(nullptr);
    EXPECT_LT(run_store.use().in_use_bytes(), in_use + kLots / 2);
  }).join();
}

// One in two stays, so that no slab is released.
TEST_F(Sharing, SlabsOfTheTimeBeforeAreFilled) {
  std::thread([] {
    work_for_a_while();
    HeldBlocks before(kMiddle, kLots);
    const ManyHeaps many;
    look_again();
    std::vector<void*> kept;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (i % 2 == 0) deallocate(before.all[i]); else kept.push_back(before.all[i]);
    }
    before.all = kept;
    thread_heap()->flush_foreign();
    const std::size_t in_use = run_store.use().in_use_bytes();
    const HeldBlocks more(kMiddle, kLots / 4);
    EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
  }).join();
}

// Classes of which lines are split, too: between heaps with slabs of their own these go home.
TEST_F(Sharing, FullMagazinesPassThroughTheProcessorsDepot) {
  const ManyHeaps many;
  std::thread([] {
    work_for_a_while();
    HeldBlocks blocks(kSplit, 4 * knobs::kSharedSpareBytes);
    const std::size_t before = depots.held_bytes();
    blocks.free_all();
    const std::size_t held = depots.held_bytes() - before;
    EXPECT_GT(held, 0U);
    EXPECT_LE(held, std::size_t{depot_limit(class_of(kSplit), kUsualSlots, knobs::kSharedDepotTimes)} * kSplit);
  }).join();
  return_everything_idle(nullptr);
  EXPECT_EQ(depots.held_bytes(), 0U);
  EXPECT_FALSE(depots.has_stock());
}

TEST_F(Sharing, KeepsFewSpareMagazines) {
  const ManyHeaps many;
  std::thread([] {
    HeldBlocks(kMiddle, kLots).free_all();
    EXPECT_GT(thread_heap()->spare_bytes(), 0U);
    EXPECT_LE(thread_heap()->spare_bytes(), knobs::kSharedSpareBytes);
  }).join();
}

unsigned open_bundles() {
  unsigned n = 0;
  for (const Outgoing& out : thread_cache.outgoing->slots) n += out.key.load_relaxed() != 0 ? 1 : 0;
  return n;
}

void* block_of_another() {
  void* block = nullptr;
  std::thread([&block] {
    work_for_a_while();
    block = allocate(kSplit);
  }).join();
  return block;
}

// Bundles are found by the heap's own tag, so none outlives it.
TEST_F(Sharing, BundlesLeaveWithTheTag) {
  std::thread([] {
    work_for_a_while();
    void* other = block_of_another();
    ASSERT_NE(owner_of(page_map.tag_of(other)), thread_heap()->id());
    deallocate(other);
    ASSERT_EQ(open_bundles(), 1U);
    const ManyHeaps many;
    deallocate(allocate(kMaxSmall));  // a slow path, and no flush is due
    ASSERT_EQ(owner_of(Tag{thread_cache.tag}), everybodys_owner(os::Node{0}));
    EXPECT_EQ(open_bundles(), 0U);
  }).join();
}

// Where the heap changes sides as it makes a bundle, there is no bundle.
TEST_F(Sharing, ABundleThatTheChangeOvertakesIsNotOpened) {
  std::thread([] {
    work_for_a_while();
    void* other = block_of_another();
    const ManyHeaps many;
    deallocate(other);
    ASSERT_EQ(owner_of(Tag{thread_cache.tag}), everybodys_owner(os::Node{0})) << "by the slow path of that free";
    EXPECT_EQ(open_bundles(), 0U);
  }).join();
}

// Of more heaps and classes than there are places for bundles, from before they shared: not a bundle for every few blocks.
TEST_F(Sharing, OldBlocksOfManyHeapsAreGathered) {
  if (os::places.cpus() == 1) GTEST_SKIP() << "there have to be several heaps that do not share";
  std::thread([] {
    work_for_a_while();
    std::vector<void*> old;
    const std::size_t heaps = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() - 2;
    std::vector<std::thread> threads;
    std::barrier all(static_cast<std::ptrdiff_t>(heaps) + 1);
    std::mutex lock;
    for (std::size_t i = 0; i < heaps; ++i) {
      threads.emplace_back([&] {
        work_for_a_while();
        for (std::size_t n = 0; n < 64 * kClasses; ++n) {
          void* block = allocate(kClassSize[n % kClasses]);
          const std::lock_guard guard(lock);
          old.push_back(block);
        }
        all.arrive_and_wait();
        all.arrive_and_wait();
      });
    }
    all.arrive_and_wait();
    const ManyHeaps many;
    look_again();
    ASSERT_EQ(owner_of(Tag{thread_cache.tag}), everybodys_owner(os::Node{0}));
    std::shuffle(old.begin(), old.end(), std::mt19937(1));
    live_knobs.adapt = true;  // so that it counts
    const auto& hand_overs = thread_heap()->slow_counts().works[static_cast<unsigned>(SlowWork::kHandOver)].events;
    const std::uint64_t before = hand_overs.load_relaxed();
    for (void* block : old) deallocate(block);
    thread_heap()->flush_foreign();
    live_knobs.adapt = false;
    EXPECT_LT(kLeastGathered * (hand_overs.load_relaxed() - before), old.size()) << hand_overs.load_relaxed() - before;
    all.arrive_and_wait();
    for (std::thread& thread : threads) thread.join();
  }).join();
}

TEST_F(Sharing, ACrowdDoesNot) {
  if (os::places.cpus() > 8) GTEST_SKIP() << "it takes 65 threads a processor to make a crowd";
  const ManyHeaps crowd(knobs::kCrowdPerCpu * os::places.cpus() + 1);
  std::thread([] {
    const HeldBlocks blocks(kMiddle);
    EXPECT_EQ(blocks.shared(), blocks.size()) << "of the same slabs";
    EXPECT_EQ(owner_of(Tag{thread_cache.tag}), thread_heap()->id()) << "but none of its own";
  }).join();
}

// Threads trade blocks while heaps come to share and cease to: no block has two holders, and nothing is lost.
TEST_F(Sharing, KeepsEveryBlockWithOneHolder) {
  const std::size_t before = run_store.use().in_use_bytes();
  for (int wave = 0; wave < 3; ++wave) {
    std::thread few([] { trade_blocks(4, 100); });
    auto many = std::make_unique<ManyHeaps>();
    trade_blocks(8, 60);
    os::advance_clock_for_test(knobs::kFlushMs + 1);
    many.reset();
    os::advance_clock_for_test(knobs::kFlushMs + 1);
    few.join();
  }
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

}  // namespace
}  // namespace hakmem
