// Sharing: among many heaps blocks are everybody's own, before and after not; and none is lost on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "pages/run_store.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"
#include "thread/shared_slabs.hpp"
#include "thread/trading.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSmall = 48;  // of which lines may be split
constexpr std::size_t kMiddle = 4096;
constexpr std::size_t kUnused = 20 * kKiB;  // no depot has any, so that a refill comes by the clock
constexpr std::size_t kLots = 3 * knobs::kSpareBytes;

bool is_shared(void* block) { return owner_of(page_map.tag_of(block)) == everybodys_owner(os::Node{0}); }

struct Blocks {
  explicit Blocks(std::size_t size, std::size_t bytes = 64 * kKiB) : all(bytes / size) {
    for (void*& block : all) block = allocate(size);
  }
  ~Blocks() { free_all(); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  void free_all() {
    for (void* block : all) deallocate(block);
    all.clear();
  }
  std::size_t shared() const { return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_shared)); }
  std::size_t size() const { return all.size(); }

  std::vector<void*> all;
};

// The calling thread's heap looks again: a second goes by, and a slow path is reached.
void look_again() {
  os::advance_clock_for_test(knobs::kFlushMs + 1);
  thread_heap()->flush_all();
  deallocate(allocate(kUnused));
}

class Sharing : public testing::Test {
 protected:
  void SetUp() override {
    know_processors();
    bring_everything_home();
  }
  void TearDown() override {
    bring_everything_home();
    EXPECT_TRUE(run_store.check_invariants());
  }
};

TEST_F(Sharing, AThreadThatBeginsAmongManyHeapsTakesFromSharedSlabs) {
  const ManyHeaps many;
  std::thread([] {
    for (const std::size_t size : {kSmall, kMiddle, kMaxSmall}) {
      const Blocks blocks(size);
      EXPECT_EQ(blocks.shared(), blocks.size()) << size;
    }
  }).join();
}

TEST_F(Sharing, OneOfFewDoesNot) {
  std::thread([] {
    const Blocks blocks(kSmall);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

TEST_F(Sharing, AnothersBlockIsFreedAsOnesOwn) {
  const ManyHeaps many;
  void* block = nullptr;
  std::thread([&] { block = allocate(kSmall); }).join();
  std::thread([&] {
    deallocate(allocate(kSmall));
    deallocate(block);
    EXPECT_EQ(allocate(kSmall), block) << "it is what was freed last";
    deallocate(block);
  }).join();
}

TEST_F(Sharing, BeginsAndEndsWithTheNumberOfHeaps) {
  std::thread([] {
    Blocks before(kSmall);
    EXPECT_EQ(before.shared(), 0U);
    {
      const ManyHeaps many;
      look_again();
      const Blocks meanwhile(kSmall);
      EXPECT_EQ(meanwhile.shared(), meanwhile.size());
    }
    look_again();
    const Blocks afterwards(kSmall);
    EXPECT_EQ(afterwards.shared(), 0U);
  }).join();
}

// Blocks of the time before are freed by a heap that shares now: they go home, and their slabs become everybody's.
TEST_F(Sharing, WhatAHeapHadBeforeComesHome) {
  std::thread([] {
    const std::size_t in_use = run_store.use().in_use_bytes();
    Blocks before(kMiddle, kLots);
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
    Blocks before(kMiddle, kLots);
    const ManyHeaps many;
    look_again();
    std::vector<void*> kept;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (i % 2 == 0) deallocate(before.all[i]); else kept.push_back(before.all[i]);
    }
    before.all = kept;
    thread_heap()->flush_foreign();
    const std::size_t in_use = run_store.use().in_use_bytes();
    const Blocks more(kMiddle, kLots / 4);
    EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
  }).join();
}

// Classes of which lines are split, too: between heaps with slabs of their own these go home.
TEST_F(Sharing, FullMagazinesPassThroughTheProcessorsDepot) {
  const ManyHeaps many;
  std::thread([] {
    Blocks blocks(kSmall, 4 * knobs::kSharedSpareBytes);
    const std::size_t before = depots.held_bytes();
    blocks.free_all();
    const std::size_t held = depots.held_bytes() - before;
    EXPECT_GT(held, 0U);
    EXPECT_LE(held, std::size_t{depot_limit(class_of(kSmall), kUsualSlots)} * kSmall);
  }).join();
  return_everything_idle(nullptr);
  EXPECT_EQ(depots.held_bytes(), 0U);
  EXPECT_FALSE(depots.has_stock());
}

TEST_F(Sharing, KeepsFewSpareMagazines) {
  const ManyHeaps many;
  std::thread([] {
    Blocks(kMiddle, kLots).free_all();
    EXPECT_GT(thread_heap()->spare_bytes(), 0U);
    EXPECT_LE(thread_heap()->spare_bytes(), knobs::kSharedSpareBytes);
  }).join();
}

// Nine in ten go, and no slab: what is left in lines of their own, and between them, serves before a new slab is made.
TEST_F(Sharing, SlabsAreUsedUpBeforeNewOnesAreMade) {
  const ManyHeaps many;
  std::thread([] {
    Blocks blocks(kSmall, kLots);
    std::vector<void*> kept;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 10 == 0) kept.push_back(blocks.all[i]); else deallocate(blocks.all[i]);
    }
    blocks.all = kept;
    const std::size_t in_use = run_store.use().in_use_bytes();
    for (int round = 0; round < 5; ++round) const Blocks more(kSmall, kLots / 2);
    EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
  }).join();
}

// Of more heaps than there are places for bundles, from before they shared: not one bundle for each block.
TEST_F(Sharing, OldBlocksOfManyHeapsAreGathered) {
  std::thread([] {
    deallocate(allocate(kUnused));
    std::vector<void*> old;
    const std::size_t heaps = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() - 2;
    const std::size_t sizes = 2 * kOutgoingSlots / heaps + 1;
    std::vector<std::thread> threads;
    std::barrier all(static_cast<std::ptrdiff_t>(heaps) + 1);
    std::mutex lock;
    for (std::size_t i = 0; i < heaps; ++i) {
      threads.emplace_back([&] {
        for (std::size_t n = 1; n <= 16 * sizes; ++n) {
          void* block = allocate(16 * (n % sizes + 1));
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
    const auto sent = [] {
      std::uint64_t sum = 0;
      for (const Atomic<std::uint32_t>& n : thread_heap()->slow_counts().sent) sum += n.load_relaxed();
      return sum;
    };
    live_knobs.adapt = true;  // so that it counts
    const std::uint64_t events = thread_heap()->slow_counts().works[static_cast<unsigned>(SlowWork::kHandOver)].events.load_relaxed();
    const std::uint64_t blocks = sent();
    for (void* block : old) deallocate(block);
    thread_heap()->flush_foreign();
    live_knobs.adapt = false;
    const std::uint64_t bundles = thread_heap()->slow_counts().works[static_cast<unsigned>(SlowWork::kHandOver)].events.load_relaxed() - events;
    EXPECT_GT(sent() - blocks, 3 * bundles) << bundles << " bundles";
    all.arrive_and_wait();
    for (std::thread& thread : threads) thread.join();
  }).join();
}

TEST_F(Sharing, TakesWholeLines) {
  const ManyHeaps many;
  std::thread([] {
    std::vector<std::uintptr_t> mine(shape_of(class_of(kSmall)).line_group);
    std::vector<std::uintptr_t> others(mine.size());
    ASSERT_EQ(take_shared(class_of(kSmall), os::Place{0}, static_cast<unsigned>(mine.size()), mine.data()), mine.size());
    ASSERT_EQ(take_shared(class_of(kSmall), os::Place{0}, static_cast<unsigned>(mine.size()), others.data()), mine.size());
    for (const std::uintptr_t a : mine) {
      for (const std::uintptr_t b : others) EXPECT_TRUE(a / kCacheLine > (b + kSmall - 1) / kCacheLine || b / kCacheLine > (a + kSmall - 1) / kCacheLine);
    }
    return_blocks(nullptr, mine.data(), static_cast<unsigned>(mine.size()));
    return_blocks(nullptr, others.data(), static_cast<unsigned>(others.size()));
  }).join();
}

TEST_F(Sharing, EmptySlabsAreGivenBack) {
  {
    const ManyHeaps many;
    std::thread([] { const Blocks blocks(kMiddle, kLots); }).join();
  }
  bring_everything_home();
  const std::size_t before = run_store.use().in_use_bytes();
  {
    const ManyHeaps many;
    std::thread([] { const Blocks blocks(kMiddle, kLots); }).join();
  }
  bring_everything_home();
  EXPECT_LE(run_store.use().in_use_bytes(), before);
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
