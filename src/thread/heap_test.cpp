// Heap: what travels between threads and comes home, and how much a thread keeps.
#include "thread/heap.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "pages/run_store.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/registry.hpp"
#include "thread/trading.hpp"

namespace hakmem {
namespace {

std::vector<void*> allocate_many(std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = allocate(size);
  return blocks;
}

void deallocate_all(const std::vector<void*>& blocks) {
  for (void* block : blocks) deallocate(block);
}

class Sizes : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Heap, Sizes, testing::Values(16, 48, 64, 320, 1024, 8192, 32768));

// Every block that another thread freed is there to be used again: no slab more is needed.
TEST_P(Sizes, BlocksThatAnotherThreadFreedComeHome) {
  const std::size_t count = std::size_t{2} * kMiB / GetParam();
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  std::vector<void*> blocks = allocate_many(GetParam(), count);
  EXPECT_GE(run_store.use().in_use_bytes(), before + count * GetParam());
  const std::set<void*> first(blocks.begin(), blocks.end());
  ASSERT_EQ(first.size(), count);
  from_another_thread([&] { deallocate_all(blocks); });
  const std::size_t held = run_store.use().in_use_bytes();
  blocks = allocate_many(GetParam(), count);
  EXPECT_EQ(std::set(blocks.begin(), blocks.end()).size(), count) << "a block twice";
  EXPECT_LE(run_store.use().in_use_bytes(), std::max(held, before + count * GetParam() * 5 / 4));
  deallocate_all(blocks);
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

// A sleeping owner strands little: all but its caches and its inbox goes back without it.
TEST_P(Sizes, AnOwnerThatSleepsStrandsLittle) {
  constexpr std::size_t kBytes = 16 * kMiB;
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  const std::vector<void*> blocks = allocate_many(GetParam(), kBytes / GetParam());
  from_another_thread([&] {
    deallocate_all(blocks);
    bring_everything_home();
  });
  // The inbox of this class, the loaded magazine, and the slabs those blocks and the attached ones lie in.
  EXPECT_LE(run_store.use().in_use_bytes(), before + kBytes / 4);
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

// An exited owner's blocks stay valid, and the last free gives its slabs back.
TEST_P(Sizes, BlocksOutliveTheirThread) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  std::vector<void*> blocks;
  from_another_thread([&] {
    blocks = allocate_many(GetParam(), 500);
    for (void* block : blocks) *static_cast<void**>(block) = block;
  });
  for (void* block : blocks) ASSERT_EQ(*static_cast<void**>(block), block);
  deallocate_all(blocks);
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

TEST(Heap, KeepsItsSpareMagazinesWithinTheBudget) {  // (4)
  const Heap* heap = thread_heap();
  for (const std::size_t size : std::initializer_list<std::size_t>{32, 256, 2048, 16384}) {
    std::vector<void*> blocks = allocate_many(size, 8 * kMiB / size);
    for (void* block : blocks) {
      deallocate(block);
      ASSERT_LE(heap->spare_bytes(), knobs::kSpareBytes) << size;
    }
  }
  EXPECT_GT(heap->spare_bytes(), 0u) << "and it does keep some";
  bring_everything_home();
  EXPECT_EQ(heap->spare_bytes(), 0u);
}

TEST(Heap, IsTakenAgainWhenItsThreadIsGone) {  // (3)
  OwnerId first{};
  OwnerId second{};
  const unsigned live = live_heaps();
  from_another_thread([&] { first = thread_heap()->id(); });
  EXPECT_EQ(live_heaps(), live);
  const std::uint32_t owners = owner_count();
  from_another_thread([&] { second = thread_heap()->id(); });
  EXPECT_EQ(second, first);
  EXPECT_EQ(owner_count(), owners) << "no new record";
  EXPECT_EQ(heap_of(first)->id(), first);
  EXPECT_EQ(heap_of(kNoOwner), nullptr);
}

TEST(Heap, IsParkedWithWhatItHasForTheNextThread) {
  bring_everything_home();
  void* kept = nullptr;
  from_another_thread([&] {
    work_for_a_while();
    kept = allocate(64);
    deallocate(kept);
  });
  const std::size_t with_parked = run_store.use().in_use_bytes();
  void* again = nullptr;
  from_another_thread([&] {
    again = allocate(64);
    deallocate(again);
  });
  EXPECT_EQ(again, kept) << "from the magazine that the thread before had loaded";
  EXPECT_EQ(run_store.use().in_use_bytes(), with_parked);
  bring_everything_home();
  EXPECT_LT(run_store.use().in_use_bytes(), with_parked) << "a parked heap closes when all that is idle goes";
}

// Two threads at once leave a block each; the second one's heap is the one that waits on top.
struct Legacy {
  void* block = nullptr;
  OwnerId heap = kNoOwner;
};

void leave_two(Legacy& first, Legacy& second) {
  const auto live = [](Legacy& legacy) {
    work_for_a_while();
    legacy.block = allocate(1024);
    legacy.heap = thread_heap()->id();
  };
  std::thread outer([&] {
    live(first);
    std::atomic<bool> may_end{false};
    std::atomic<bool> lives{false};
    std::thread inner([&] {
      live(second);
      lives = true;
      while (!may_end) std::this_thread::yield();
    });
    while (!lives) std::this_thread::yield();
    leave_thread_heap();
    may_end = true;
    inner.join();
  });
  outer.join();
}

OwnerId heap_of_who_begins_with(void* block) {
  OwnerId id = kNoOwner;
  from_another_thread([&] {
    deallocate(block);
    id = thread_heap()->id();
  });
  return id;
}

TEST(Heap, WhoBeginsWithAnothersBlockGoesOnWithItsHeap) {
  for (const bool closed : {false, true}) {
    close_parked_heaps(0, true);
    Legacy first;
    Legacy second;
    leave_two(first, second);
    ASSERT_NE(first.heap, second.heap);
    if (closed) close_parked_heaps(0, true);
    EXPECT_EQ(heap_of_who_begins_with(first.block), first.heap);
    EXPECT_EQ(heap_of_who_begins_with(second.block), second.heap);
  }
}

TEST(Heap, ClosesByItselfWhenParkedForLong) {
  bring_everything_home();
  from_another_thread([] {
    work_for_a_while();
    deallocate(allocate(64));
  });
  const std::size_t with_parked = run_store.use().in_use_bytes();
  const std::uint64_t now = os::now_ms();
  close_parked_heaps(now, false);
  EXPECT_EQ(run_store.use().in_use_bytes(), with_parked) << "not yet";
  close_parked_heaps(now + knobs::kFlushMs, false);
  EXPECT_LT(run_store.use().in_use_bytes(), with_parked);
}

TEST(Heap, CountsItsBundlesWhenItIsParked) {
  bring_everything_home();
  const std::vector<void*> ours = allocate_many(1024, 60);
  from_another_thread([&] {
    deallocate(allocate(32));
    deallocate_all(ours);
  });
  EXPECT_GE(parked_use().bytes, kGranuleBytes + 60 * std::size_t{1024});
  bring_everything_home();
}

TEST(Heap, OneWithMuchIsClosedAtOnce) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  std::vector<void*> left;
  from_another_thread([&] {
    for (std::size_t size = 16; size <= kMaxSmall; size *= 2) {
      for (int i = 0; i < 40; ++i) left.push_back(allocate(size));
    }
    for (std::size_t c = 0; c < kClasses; ++c) deallocate(allocate(kClassSize[c]));
  });
  deallocate_all(left);
  thread_heap()->flush_foreign();
  EXPECT_LE(run_store.use().in_use_bytes(), before + knobs::kParkedBytes);
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
}

// How many bundles of a class are open after two looks, well within a second, of a thread that has freed these
// blocks of another.
unsigned open_after_two_looks(const std::vector<void*>& blocks, ClassId c) {
  unsigned open = 0;
  from_another_thread([&] {
    deallocate_all(allocate_many(64, 20'000));  // what is due at the start
    deallocate_all(blocks);
    for (int look = 0; look < 2; ++look) {
      os::advance_clock_for_test(learn::kLookMs + 1);
      deallocate_all(allocate_many(64, 20'000));  // comes by the clock
    }
    open = thread_heap()->slow_counts().open[index_of(c)].load_relaxed();
  });
  return open;
}

TEST(Heap, DearBundlesLeaveBeforeTheFlush) {
  bring_everything_home();
  live_knobs.adapt = true;
  EXPECT_EQ(open_after_two_looks(allocate_many(32768, 6), class_of(32768)), 0u);
  EXPECT_EQ(open_after_two_looks(allocate_many(128, 6), class_of(128)), 1u) << "cheap ones wait for more";
  live_knobs.adapt = false;
  bring_everything_home();
}

// What a heap's last look has found ends with it: the tuner sums closed heaps, too.
TEST(Heap, OneThatIsClosedHasNothingForTheTuner) {
  bring_everything_home();
  live_knobs.adapt = true;
  constexpr std::size_t kSize = 16384;
  const std::vector<void*> ours = allocate_many(kSize, 3);
  const Heap* theirs = nullptr;
  from_another_thread([&] {
    theirs = thread_heap();
    work_for_a_while();
    deallocate_all(ours);
    std::vector<void*> parts_of_slabs;
    for (std::size_t size = 256; size <= kMaxSmall; size *= 2) {
      for (int i = 0; i < 40; ++i) parts_of_slabs.push_back(allocate(size));
    }
    os::advance_clock_for_test(2 * learn::kLookMs);
    deallocate_all(allocate_many(64, 20'000));  // comes by the clock
    deallocate_all(parts_of_slabs);
    EXPECT_GT(theirs->slow_counts().attached_free.load_relaxed(), 0u);
    EXPECT_GT(theirs->slow_counts().open_bytes.load_relaxed(), 0u);
    EXPECT_GT(theirs->slow_counts().open[index_of(class_of(kSize))].load_relaxed(), 0u);
  });
  close_parked_heaps(os::now_ms(), true);
  live_knobs.adapt = false;
  EXPECT_EQ(theirs->slow_counts().attached_free.load_relaxed(), 0u);
  EXPECT_EQ(theirs->slow_counts().open_bytes.load_relaxed(), 0u);
  EXPECT_EQ(theirs->slow_counts().open[index_of(class_of(kSize))].load_relaxed(), 0u);
  bring_everything_home();
}

// Blocks smaller than a line would be split between threads line by line.
TEST(Heap, OfSlabsOfItsOwnPassesOnlyWholeLinesToTheDepot) {
  bring_everything_home();
  from_another_thread([] {
    work_for_a_while();
    const std::size_t before = depots.held_bytes();
    deallocate_all(allocate_many(48, 2 * knobs::kSpareBytes / 48));
    EXPECT_EQ(depots.held_bytes(), before);
    deallocate_all(allocate_many(64, 2 * knobs::kSpareBytes / 64));
    EXPECT_GT(depots.held_bytes(), before);
  });
  bring_everything_home();
}

// Blocks go round between threads for a while: no block has two holders, and nothing is lost.
TEST(Heap, ManyToManyKeepsEveryBlockWithOneHolder) {
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  trade_blocks(10, 100);
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
  EXPECT_TRUE(run_store.check_invariants());
}

}  // namespace
}  // namespace hakmem
