// Sharing: among many heaps blocks are everybody's own, before and after not; and none is lost on the way.
#include <gtest/gtest.h>
#include <unistd.h>

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
constexpr std::size_t kLeastGathered = 8;
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

class Sharing : public testing::Test {
 protected:
  void SetUp() override {
    know_processors();
    os::advance_clock_for_test(knobs::kFlushMs + 1);  // heaps that have just changed may change again
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

// In a child process, whose main thread gives its heap up first.
TEST_F(Sharing, TheOnlyOneDoesNot) {
  const auto shared_by_the_only_one = [] {
    leave_thread_heap();
    std::size_t shared = 0;
    std::thread([&shared] { shared = Blocks(kSmall).shared(); }).join();
    _exit(shared == 0 ? 0 : 1);
  };
  EXPECT_EXIT(shared_by_the_only_one(), testing::ExitedWithCode(0), "");
}

TEST_F(Sharing, OneOfFewDoesAtFirst) {
  std::thread([] {
    {
      const Blocks at_first(kSmall);
      EXPECT_EQ(at_first.shared(), at_first.size());
    }
    work_for_a_while();
    const Blocks blocks(kSmall);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// Between so many heaps that one which shares goes on and so many that one which does not begins to.
TEST_F(Sharing, OneThatIsNewNoLongerIsOneOfFewUpToTheirFullNumber) {
  const unsigned few = knobs::kOwnSlabHeapsPerCpu * os::places.cpus();
  const ManyHeaps others(few - live_heaps() - 1);
  std::thread([few] {
    work_for_a_while();
    ASSERT_EQ(live_heaps(), few);
    const Blocks blocks(kSmall);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// It is as new with the next thread, and earns slabs as quickly: nothing waits for a second to go by.
TEST_F(Sharing, AClosedHeapIsNewAgain) {
  const Heap* closed = nullptr;
  std::thread([&] {
    work_for_a_while();
    closed = thread_heap();
  }).join();
  bring_everything_home();
  std::thread([&] {
    {
      const Blocks at_first(kSmall);
      ASSERT_EQ(thread_heap(), closed);
      EXPECT_EQ(at_first.shared(), at_first.size());
    }
    work_for_a_while();
    const Blocks blocks(kSmall);
    EXPECT_EQ(blocks.shared(), 0U);
  }).join();
}

// Full magazines count as work, not refills alone.
TEST_F(Sharing, WhoOnlyFreesEarnsSlabsToo) {
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

TEST_F(Sharing, FewHeapsUseFewPlaces) {
  const unsigned places = os::places.places();
  for (unsigned i = 0; i < places; ++i) {
    const os::Place place{static_cast<std::uint8_t>(i)};
    const os::Place first = os::places.among_first(1, place);
    EXPECT_EQ(os::places.node_of(first), os::places.node_of(place)) << i;
    EXPECT_TRUE(i == 0 || os::places.node_of(os::Place{static_cast<std::uint8_t>(i - 1)}) != os::places.node_of(place) ||
                os::places.among_first(1, os::Place{static_cast<std::uint8_t>(i - 1)}) == first) << i;
    EXPECT_EQ(os::places.among_first(places, place), place) << i;
  }
}

// Threads that live briefly, one after another, in one heap: none of them does what earns slabs, but all together.
TEST_F(Sharing, EachThreadIsNew) {
  const Heap* first = nullptr;
  for (std::uint32_t i = 0; i < knobs::kSlowPathsOnShared; ++i) {
    std::thread([&first] {
      if (first == nullptr) first = thread_heap();
      ASSERT_EQ(thread_heap(), first);
      thread_heap()->flush_all();
      const Blocks blocks(kMiddle, 2 * knobs::kSharedFillBytes);
      ASSERT_EQ(blocks.shared(), blocks.size());
    }).join();
  }
}

// Slabs that are there already serve the next thread.
TEST_F(Sharing, AParkedHeapKeepsSlabsOfItsOwn) {
  const Heap* parked = nullptr;
  std::thread([&] {
    work_for_a_while();
    parked = thread_heap();
  }).join();
  std::thread([&] {
    const Blocks blocks(kSmall);
    ASSERT_EQ(thread_heap(), parked);
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
    work_for_a_while();
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
    work_for_a_while();
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
    work_for_a_while();
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
    work_for_a_while();
    Blocks blocks(kSmall, 4 * knobs::kSharedSpareBytes);
    const std::size_t before = depots.held_bytes();
    blocks.free_all();
    const std::size_t held = depots.held_bytes() - before;
    EXPECT_GT(held, 0U);
    EXPECT_LE(held, std::size_t{depot_limit(class_of(kSmall), kUsualSlots, knobs::kSharedDepotTimes)} * kSmall);
  }).join();
  return_everything_idle(nullptr);
  EXPECT_EQ(depots.held_bytes(), 0U);
  EXPECT_FALSE(depots.has_stock());
}

// Threads that live briefly would leave one to every processor of a large machine.
TEST_F(Sharing, NothingOfANewThreadsGoesThere) {
  const ManyHeaps many;
  std::thread([] {
    const std::size_t before = depots.held_bytes();
    Blocks(kSmall, 2 * knobs::kSharedSpareBytes).free_all();
    EXPECT_EQ(depots.held_bytes(), before);
  }).join();
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

unsigned open_bundles() {
  unsigned n = 0;
  for (const Outgoing& out : thread_cache.outgoing->slots) n += out.key.load_relaxed() != 0 ? 1 : 0;
  return n;
}

void* block_of_another() {
  void* block = nullptr;
  std::thread([&block] {
    work_for_a_while();
    block = allocate(kSmall);
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

// Of a slab that is out, a line comes home whole and another in part: first the whole one, then the part, then a new slab.
TEST_F(Sharing, WholeLinesComeFirst) {
  constexpr ClassId c = class_of(kSmall);
  constexpr unsigned group = shape_of(c).line_group;
  const auto take = [](unsigned n) {
    std::vector<std::uintptr_t> blocks(n);
    blocks.resize(take_shared(c, os::Place{0}, n, blocks.data()));
    return blocks;
  };
  std::vector<std::uintptr_t> out = take(shape_of(c).slots);
  while (out.size() < shape_of(c).slots) {  // the last line is not full
    const std::vector<std::uintptr_t> rest = take(1);
    ASSERT_FALSE(rest.empty());
    out.push_back(rest[0]);
  }
  std::sort(out.begin(), out.end());
  const std::uintptr_t part = out[0];
  const std::vector<std::uintptr_t> line(out.begin() + group, out.begin() + 2 * group);
  return_blocks(nullptr, &part, 1);
  return_blocks(nullptr, line.data(), group);
  std::vector<std::uintptr_t> again = take(group);
  std::sort(again.begin(), again.end());
  EXPECT_EQ(again, line);
  EXPECT_EQ(take(group), std::vector<std::uintptr_t>{part});
  const std::vector<std::uintptr_t> fresh = take(group);
  EXPECT_EQ(fresh.size(), group);
  return_blocks(nullptr, out.data(), static_cast<unsigned>(out.size()));
  return_blocks(nullptr, fresh.data(), group);
}

TEST_F(Sharing, AnEmptySlabIsGivenBackAndOneInUseIsNot) {
  const ClassId c = class_of(kMiddle);
  const std::size_t before = run_store.use().in_use_bytes();
  std::uintptr_t block = 0;
  ASSERT_EQ(take_shared(c, os::Place{0}, 1, &block), 1U);
  trim_shared_slabs(true);
  EXPECT_GT(run_store.use().in_use_bytes(), before);
  return_blocks(nullptr, &block, 1);
  EXPECT_EQ(run_store.use().in_use_bytes(), before) << "it waited for nobody";
  ASSERT_EQ(take_shared(c, os::Place{0}, 1, &block), 1U);
  return_blocks(nullptr, &block, 1);
  EXPECT_GT(run_store.use().in_use_bytes(), before) << "it waits to be used again";
  trim_shared_slabs(false);
  EXPECT_EQ(run_store.use().in_use_bytes(), before);
  EXPECT_FALSE(any_shared_slab_waits());
}

// What nobody takes from as everybody's is listed, so that a heap with slabs of its own may have it.
TEST_F(Sharing, ASlabThatIsNotUsedAnyMoreServesAnyHeap) {
  const ClassId c = class_of(kMiddle);
  std::uintptr_t block = 0;
  ASSERT_EQ(take_shared(c, os::Place{0}, 1, &block), 1U);
  trim_shared_slabs(false);
  EXPECT_TRUE(any_shared_slab_waits()) << "it has just been used";
  trim_shared_slabs(false);
  EXPECT_FALSE(any_shared_slab_waits());
  const std::size_t in_use = run_store.use().in_use_bytes();
  {
    const Blocks blocks(kMiddle, kGranuleBytes / 2);
    EXPECT_EQ(run_store.use().in_use_bytes(), in_use);
    EXPECT_EQ(blocks.shared(), 0U) << "it has a new owner";
  }
  return_blocks(nullptr, &block, 1);
}

// Three quarters of each slab stay in use, so that nobody finds it roomy.
TEST_F(Sharing, WhatWasSharedServesWhoCeases) {
  std::thread([] {
    std::vector<void*> kept;
    {
      const ManyHeaps many;
      look_again();
      Blocks blocks(kMiddle, kLots);
      ASSERT_EQ(blocks.shared(), blocks.size());
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 4 != 0) kept.push_back(blocks.all[i]); else deallocate(blocks.all[i]);
      }
      blocks.all.clear();
    }
    look_again();
    return_everything_idle(nullptr);
    const std::size_t in_use = run_store.use().in_use_bytes();
    {
      const Blocks more(kMiddle, kLots / 8);
      EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
    }
    for (void* block : kept) deallocate(block);
  }).join();
}

TEST_F(Sharing, ACrowdDoesNot) {
  if (os::places.cpus() > 8) GTEST_SKIP() << "it takes 65 threads a processor to make a crowd";
  const ManyHeaps crowd(knobs::kCrowdPerCpu * os::places.cpus() + 1);
  std::thread([] {
    const Blocks blocks(kMiddle);
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
