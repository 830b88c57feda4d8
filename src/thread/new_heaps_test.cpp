// New heaps: a thread that is not the only one begins on everybody's slabs, and earns slabs of its own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "thread/sharing_fixture.hpp"

namespace hakmem {
namespace {

using NewHeaps = SharingTest;

// In a child process, whose main thread gives its heap up first.
TEST_F(NewHeaps, TheOnlyOneHasSlabsOfItsOwn) {
  const auto shared_by_the_only_one = [] {
    leave_thread_heap();
    std::size_t shared = 0;
    std::thread([&shared] { shared = HeldBlocks(kSplit).shared(); }).join();
    _exit(shared == 0 ? 0 : 1);
  };
  EXPECT_EXIT(shared_by_the_only_one(), testing::ExitedWithCode(0), "");
}

TEST_F(NewHeaps, ShareAtFirst) {
  std::thread([] {
    {
      const HeldBlocks at_first(kSplit);
      EXPECT_EQ(at_first.shared(), at_first.size());
    }
    work_for_a_while();
    const HeldBlocks blocks(kSplit);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// Between so many heaps that one which shares goes on and so many that one which does not begins to.
TEST_F(NewHeaps, AreAmongFewUpToTheirFullNumberAfterwards) {
  const unsigned few = knobs::kOwnSlabHeapsPerCpu * os::places.cpus();
  const ManyHeaps others(few - live_heaps() - 1);
  std::thread([few] {
    work_for_a_while();
    ASSERT_EQ(live_heaps(), few);
    const HeldBlocks blocks(kSplit);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// It is as new with the next thread, and earns slabs as quickly: nothing waits for a second to go by.
TEST_F(NewHeaps, AClosedOneIsNewAgain) {
  const Heap* closed = nullptr;
  std::thread([&] {
    work_for_a_while();
    closed = thread_heap();
  }).join();
  bring_everything_home();
  std::thread([&] {
    {
      const HeldBlocks at_first(kSplit);
      ASSERT_EQ(thread_heap(), closed);
      EXPECT_EQ(at_first.shared(), at_first.size());
    }
    work_for_a_while();
    const HeldBlocks blocks(kSplit);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// Full magazines count as work, not refills alone.
TEST_F(NewHeaps, WhoOnlyFreesEarnsSlabsToo) {
  std::vector<void*> given(knobs::kSlowPathsOnShared * 2 * knobs::kSharedMagazineBytes / kMiddle);
  std::thread([&] {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (i % 64 == 0) std::thread([&, i] {
        for (std::size_t n = i; n < i + 64 && n < given.size(); ++n) given[n] = allocate(kMiddle);
      }).join();
    }
    ASSERT_TRUE(std::all_of(given.begin(), given.end(), is_shared));
    for (void* block : given) deallocate(block);
    EXPECT_EQ(owner_of(Tag{thread_cache.tag}), thread_heap()->id());
  }).join();
}

// Threads that come one after another and are dealt out to all places: what they take lies in one shard a node.
TEST_F(NewHeaps, UseFewPlaces) {
  std::set<const SlabShard*> shards;
  std::vector<void*> blocks(4 * os::places.cpus());
  for (void*& block : blocks) {
    std::thread([&block] {
      thread_heap()->flush_all();
      block = allocate(kMiddle);
    }).join();
    shards.insert(static_cast<const Slab*>(page_map.details_of(granule_at(reinterpret_cast<std::uintptr_t>(block))))->shard.load_relaxed());
  }
  EXPECT_LE(shards.size(), os::places.nodes());
  for (void* block : blocks) deallocate(block);
}

// Threads that live briefly, one after another, in one heap: none of them does what earns slabs, but all together.
TEST_F(NewHeaps, BeginAnewWithEachThread) {
  const Heap* first = nullptr;
  for (std::uint32_t i = 0; i < knobs::kSlowPathsOnShared; ++i) {
    std::thread([&first] {
      if (first == nullptr) first = thread_heap();
      ASSERT_EQ(thread_heap(), first);
      thread_heap()->flush_all();
      const HeldBlocks blocks(kMiddle, 2 * knobs::kSharedFillBytes);
      ASSERT_EQ(blocks.shared(), blocks.size());
    }).join();
  }
}

// Slabs that are there already serve the next thread.
TEST_F(NewHeaps, AParkedOneKeepsSlabsOfItsOwn) {
  const Heap* parked = nullptr;
  std::thread([&] {
    work_for_a_while();
    parked = thread_heap();
  }).join();
  std::thread([&] {
    const HeldBlocks blocks(kSplit);
    ASSERT_EQ(thread_heap(), parked);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// Threads that live briefly would leave one to every processor of a large machine.
TEST_F(NewHeaps, GiveNothingToDepots) {
  const ManyHeaps many;
  std::thread([] {
    const std::size_t before = depots.held_bytes();
    HeldBlocks(kSplit, 2 * knobs::kSharedSpareBytes).free_all();
    EXPECT_EQ(depots.held_bytes(), before);
  }).join();
}

}  // namespace
}  // namespace hakmem
