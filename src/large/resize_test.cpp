// Resize: how large blocks grow and shrink.
#include <vector>

#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_fixture.hpp"
#include "large/site_keys.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

// Pages cost what they usually do, whatever has been measured here.
class Resize : public Large {
 protected:
  void SetUp() override {
    boot_known_costs(false);
    know_small_pages(learn::CostModel{});
    Large::SetUp();
  }
};

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
  EXPECT_EQ(bytes_in_use(), in_use);
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
  static constexpr char kCaller = 0;
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

// A block of so many bytes is idle, and has been written to.
std::byte* leave_idle(std::size_t size) {
  auto* block = static_cast<std::byte*>(make(size));
  fill(block, size);
  release(block);
  return block;
}

TEST_F(Resize, ABlockGrowsIntoAnIdleOneThatHasThePages) {
  for (const std::size_t size : {std::size_t{256 * kKiB}, 4 * kMiB, 16 * kMiB}) {
    settle_down();
    void* block = make(size);
    fill(block, size);
    std::byte* const idle = leave_idle(4 * size);
    void* const grown = resize_large(block, 4 * size);
    EXPECT_EQ(grown, idle);
    EXPECT_EQ(large_bytes(grown), 4 * size);
    EXPECT_TRUE(holds(grown, size));
    EXPECT_EQ(idle_large_bytes(), size) << "where it was is idle now";
    release(grown);
  }
}

// The pages it would gain cost less than those it would copy.
TEST_F(Resize, WhatWouldCopyALotToGainALittleTakesNewPages) {
  void* block = make(16 * kMiB);
  fill(block, 16 * kMiB);
  std::byte* const idle = leave_idle(20 * kMiB);
  void* const grown = resize_large(block, 17 * kMiB);
  EXPECT_NE(grown, idle);
  EXPECT_TRUE(holds(grown, 16 * kMiB));
  EXPECT_EQ(idle_large_bytes(), 20 * kMiB);
  release(grown);
}

// As far as its site's blocks have come before; what it has not asked for is not the program's.
TEST_F(Resize, TheIdleOneMayBeAsLongAsBlocksHaveBecome) {
  static constexpr char kCaller = 0;
  for (const std::size_t reach : {12 * kMiB, 40 * kMiB}) {
    settle_down();
    growth.note(Growth::Site{call_site(&kCaller)}, reach);
    void* block = make(8 * kMiB);
    fill(block, 8 * kMiB);
    std::byte* const idle = leave_idle(reach);
    EXPECT_EQ(resize_large(block, 9 * kMiB, &kCaller), idle);
    EXPECT_EQ(large_bytes(idle), large_length(9 * kMiB));
    EXPECT_EQ(resize_large(idle, reach, &kCaller), idle);
    EXPECT_EQ(large_bytes(idle), large_length(reach));
    EXPECT_TRUE(holds(idle, 8 * kMiB));
    EXPECT_EQ(resize_large(idle, 8 * kMiB, &kCaller), idle);
    EXPECT_EQ(large_bytes(idle), 8 * kMiB);
    release(idle);
  }
}

// Its pages are there: they are idle with it, and not cut off as room is that nobody has touched.
TEST_F(Resize, RoomWithPagesIsIdleWithItsBlock) {
  static constexpr char kCaller = 0;
  growth.note(Growth::Site{call_site(&kCaller)}, 40 * kMiB);
  void* block = make(4 * kMiB);
  std::byte* const idle = leave_idle(40 * kMiB);
  EXPECT_EQ(resize_large(block, 5 * kMiB, &kCaller), idle);
  release(idle);
  EXPECT_EQ(idle_large_bytes(), 40 * kMiB + 4 * kMiB);
}

TEST_F(Resize, AUsersHeapsBlockKeepsItsHeap) {
  void* block = make(kMiB, kMinAlign, kHeap);
  fill(block, kMiB);
  leave_idle(4 * kMiB);
  void* const grown = resize_large(block, 4 * kMiB);
  EXPECT_TRUE(holds(grown, kMiB));
  destroy_large_of(kHeap);
  EXPECT_NE(kind_at(grown), Kind::kLarge);
  EXPECT_EQ(idle_large_bytes(), 0u);
}

std::size_t mapped_bytes_of(const void* block) {
  return static_cast<const Run*>(page_map.details_of(granule_of(block)))->bytes();
}

// Room that was not used goes when the block is free: it does not count as idle memory.
TEST_F(Resize, RoomThatWasNotUsedIsNotIdle) {
  static constexpr char kCaller = 0;
  growth.note(Growth::Site{call_site(&kCaller)}, 200 * kMiB);
  void* block = resize_large(make(34 * kMiB), 60 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(mapped_bytes_of(block), 200 * kMiB);
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB)) << "room is not the program's to use";
  EXPECT_EQ(resize_large(block, 190 * kMiB, &kCaller), block);
  EXPECT_EQ(resize_large(block, 60 * kMiB, &kCaller), block) << "cut: it was long";
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB));
  release(block);
  block = resize_large(make(34 * kMiB), 61 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(mapped_bytes_of(block), 150 * kMiB);
  const std::size_t before = idle_blocks.held_bytes();
  release(block);
  EXPECT_LE(idle_blocks.held_bytes() - before, large_length(61 * kMiB));
}

}  // namespace
}  // namespace hakmem
