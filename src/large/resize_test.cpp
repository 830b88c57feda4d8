// Resize: how large blocks grow and shrink.
#include <vector>

#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_fixture.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "large/touched.hpp"
#include "pages/run_store.hpp"

namespace hakmem {
namespace {

constexpr char kCaller = 0;

TEST_F(Resize, ShrinksAndGrowsInPlaceWhereThereIsRoom) {
  void* block = make(32 * kGranuleBytes);
  fill(block, 10 * kGranuleBytes);
  EXPECT_EQ(resize_large(block, 10 * kGranuleBytes), block);
  EXPECT_EQ(large_bytes(block), 10 * kGranuleBytes);
  EXPECT_EQ(resize_large(block, 32 * kGranuleBytes - 5), block) << "the tail is still free";
  EXPECT_EQ(large_bytes(block), 32 * kGranuleBytes);
  EXPECT_TRUE(holds(block, 10 * kGranuleBytes));
  release(block);
}

TEST_F(Resize, WhatCannotGrowIsLeftAsItWas) {
  std::vector<void*> row;
  for (int i = 0; i < 8; ++i) row.push_back(make(2 * kGranuleBytes));
  unsigned refused = 0;
  for (void* block : row) {
    fill(block, 2 * kGranuleBytes);
    if (resize_large(block, 3 * kGranuleBytes) != nullptr) continue;
    ++refused;
    EXPECT_EQ(large_bytes(block), 2 * kGranuleBytes);
  }
  EXPECT_GE(refused, 6u) << "their neighbours are in the way";
  for (void* block : row) {
    EXPECT_TRUE(holds(block, 2 * kGranuleBytes));
    release(block);
  }
}

// Pages move, whole, and the old address range is free again.
TEST_F(Resize, GrowsIntoAHugeOneByMovingItsPages) {
  void* block = make(8 * kMiB);
  fill(block, 8 * kMiB);
  void* moved = resize_large(block, 40 * kMiB);
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(kind_at(moved), Kind::kHuge);
  EXPECT_GE(large_bytes(moved), 40 * kMiB);
  EXPECT_TRUE(holds(moved, 8 * kMiB));
  EXPECT_TRUE(reads_zero(static_cast<std::byte*>(moved) + 8 * kMiB, 32 * kMiB));
  EXPECT_NE(kind_at(block), Kind::kLarge);
  EXPECT_EQ(run_store.use().in_use_bytes(), in_use);
  // What it left behind is known to be clean, or else is dirty: never dirty and called zeroed.
  const LargeBlock again = make_large(8 * kMiB, kMinAlign, kNoOwner);
  EXPECT_TRUE(!again.zeroed || reads_zero(again.start, 8 * kMiB));
  release(again.start);
  release(moved);
}

TEST_F(Resize, AGrowingHugeBlockKeepsItsContentsAndMovesSeldom) {
  void* block = make(32 * kMiB);
  fill(block, 32 * kMiB);
  int moves = 0;
  for (std::size_t size = 33 * kMiB; size <= 128 * kMiB; size += kMiB) {
    void* resized = resize_large(block, size);
    ASSERT_NE(resized, nullptr);
    ASSERT_GE(large_bytes(resized), size);
    moves += resized != block;
    block = resized;
  }
  EXPECT_LE(moves, 6);
  EXPECT_TRUE(holds(block, 32 * kMiB));
  EXPECT_EQ(resize_large(block, 34 * kMiB), block) << "shrinks where it is";
  EXPECT_EQ(large_bytes(block), large_length(34 * kMiB));
  EXPECT_TRUE(holds(block, 32 * kMiB));
  release(block);
}

// What a block of a site has grown to, the next one has room for: it moves a few times, not at each
// half as much again.
TEST_F(Resize, ASitesNextBlockMovesLess) {
  const auto grow = [&](int* moves) {
    void* block = make(kMiB);
    fill(block, kMiB);
    for (std::size_t size = 2 * kMiB; size <= 128 * kMiB; size += kMiB) {
      void* resized = resize_large(block, size, &kCaller);
      ASSERT_NE(resized, nullptr);
      ASSERT_GE(large_bytes(resized), size);
      if (resized != block && size >= knobs::kHugeFrom) ++*moves;
      block = resized;
    }
    EXPECT_TRUE(holds(block, kMiB));
    EXPECT_TRUE(reads_zero(static_cast<std::byte*>(block) + 127 * kMiB, kMiB)) << "never touched";
    release(block);
  };
  int first = 0;
  int second = 0;
  grow(&first);
  grow(&second);
  EXPECT_LE(first, 6);
  EXPECT_LE(second, 1);
}

// Mappings of their own make no room in the store.
TEST_F(Resize, MovedBlocksAreLentForTheirBytesAlone) {
  if (run_store.unit_use().wanted_bytes != 0) GTEST_SKIP() << "not in regions with huge pages";
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) {
    void* const moved = resize_large(make(4 * kMiB), knobs::kHugeFrom);
    blocks.push_back(resize_large(moved, 5 * kMiB));
    ASSERT_TRUE(run_of(blocks.back())->is_huge());
  }
  for (void* block : blocks) release(block);
  const std::size_t held = idle_large_bytes();
  void* const block = make(6 * kMiB);
  EXPECT_LT(idle_large_bytes(), held);
  EXPECT_GE(idle_large_bytes(), held - 2 * large_length(5 * kMiB));
  release(block);
}

// Room that was not used goes when the block is free: it does not count as idle memory.
TEST_F(Resize, RoomThatWasNotUsedIsNotIdle) {
  growth.note(Growth::Site{call_site(&kCaller)}, 200 * kMiB);
  void* block = resize_large(make(34 * kMiB), 60 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(run_of(block)->bytes(), 200 * kMiB);
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB)) << "room is not the program's to use";
  EXPECT_EQ(resize_large(block, 190 * kMiB, &kCaller), block);
  EXPECT_EQ(resize_large(block, 60 * kMiB, &kCaller), block) << "cut: it was long";
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB));
  release(block);
  block = resize_large(make(34 * kMiB), 61 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(run_of(block)->bytes(), 150 * kMiB);
  const std::size_t before = idle_blocks.held_bytes();
  release(block);
  EXPECT_LE(idle_blocks.held_bytes() - before, large_length(61 * kMiB));
}

}  // namespace
}  // namespace hakmem
