// Shared slabs: whole lines first, used up before new ones are made, and given back, or to others.
#include "thread/shared_slabs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "thread/sharing_fixture.hpp"

namespace hakmem {
namespace {

using SharedSlabs = SharingTest;

// Nine in ten go, and no slab: what is left in lines of their own, and between them, serves before a new slab is made.
TEST_F(SharedSlabs, SlabsAreUsedUpBeforeNewOnesAreMade) {
  const ManyHeaps many;
  std::thread([] {
    HeldBlocks blocks(kSplit, kLots);
    std::vector<void*> kept;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 10 == 0) kept.push_back(blocks.all[i]); else deallocate(blocks.all[i]);
    }
    blocks.all = kept;
    const std::size_t in_use = run_store.use().in_use_bytes();
    for (int round = 0; round < 5; ++round) const HeldBlocks more(kSplit, kLots / 2);
    EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
  }).join();
}

// Of a slab that is out, a line comes home whole and another in part: first the whole one, then the part, then a new slab.
TEST_F(SharedSlabs, WholeLinesComeFirst) {
  constexpr ClassId c = class_of(kSplit);
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

TEST_F(SharedSlabs, AnEmptySlabIsGivenBackAndOneInUseIsNot) {
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

TEST_F(SharedSlabs, AreDueWhileOneIsTakenFrom) {
  const std::uint64_t now = os::now_ms();
  ASSERT_GT(next_due(now), now + knobs::kHousekeepingMs) << "nothing is due";
  std::uintptr_t block = 0;
  ASSERT_EQ(take_shared(class_of(kMiddle), os::Place{0}, 1, &block), 1U);
  EXPECT_LE(next_due(now), now + knobs::kHousekeepingMs);
  return_blocks(nullptr, &block, 1);
}

// What nobody takes from as everybody's is listed, so that a heap with slabs of its own may have it.
TEST_F(SharedSlabs, ASlabThatIsNotUsedAnyMoreServesAnyHeap) {
  const ClassId c = class_of(kMiddle);
  std::uintptr_t block = 0;
  ASSERT_EQ(take_shared(c, os::Place{0}, 1, &block), 1U);
  trim_shared_slabs(false);
  EXPECT_TRUE(any_shared_slab_waits()) << "it has just been used";
  trim_shared_slabs(false);
  EXPECT_FALSE(any_shared_slab_waits());
  const std::size_t in_use = run_store.use().in_use_bytes();
  {
    const HeldBlocks blocks(kMiddle, kGranuleBytes / 2);
    EXPECT_EQ(run_store.use().in_use_bytes(), in_use);
    EXPECT_EQ(blocks.shared(), 0U) << "it has a new owner";
  }
  return_blocks(nullptr, &block, 1);
}

// Three quarters of each slab stay in use, so that nobody finds it roomy.
TEST_F(SharedSlabs, WhatWasSharedServesWhoCeases) {
  std::thread([] {
    std::vector<void*> kept;
    {
      const ManyHeaps many;
      look_again();
      HeldBlocks blocks(kMiddle, kLots);
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
      const HeldBlocks more(kMiddle, kLots / 8);
      EXPECT_LE(run_store.use().in_use_bytes(), in_use + 2 * kGranuleBytes);
    }
    for (void* block : kept) deallocate(block);
  }).join();
}

}  // namespace
}  // namespace hakmem
