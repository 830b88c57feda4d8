// Large: blocks above 32 KiB: where they come from, and how a heap's all go at once.
#include <vector>

#include "config/knobs.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_fixture.hpp"

namespace hakmem {
namespace {

TEST_F(Large, IsTaggedAtItsFirstGranuleAlone) {  // (1)
  for (const std::size_t size : {40 * kKiB, 300 * kKiB, 5 * kMiB, 40 * kMiB}) {
    auto* block = static_cast<std::byte*>(make(size));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(kind_at(block), size < knobs::kHugeFrom ? Kind::kLarge : Kind::kHuge);
    EXPECT_GE(large_bytes(block), size);  // (2)
    EXPECT_LT(large_bytes(block), size + kGranuleBytes);
    for (std::size_t inside = kGranuleBytes; inside < size; inside += kGranuleBytes) {
      ASSERT_NE(kind_at(block + inside), Kind::kLarge);
      ASSERT_NE(kind_at(block + inside), Kind::kHuge);
    }
    fill(block, large_bytes(block));
    release(block);
  }
}

TEST_F(Large, HonoursEveryAlignment) {
  for (std::size_t alignment = 16; alignment <= 64 * kMiB; alignment *= 4) {
    for (const std::size_t size : {std::size_t{1}, 100 * kKiB, 33 * kMiB}) {
      void* block = make(size, alignment);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u) << size;
      release(block);
    }
  }
}

TEST_F(Large, ImpossibleSizesAreRefused) {
  EXPECT_EQ(make(SIZE_MAX), nullptr);
  EXPECT_EQ(make(std::size_t{PTRDIFF_MAX} + 1), nullptr);
  EXPECT_EQ(make(std::size_t{1} << 60), nullptr);
  EXPECT_EQ(make(100, std::size_t{1} << 63), nullptr);
}

TEST_F(Large, ZeroedIsTrueWhenItSaysSo) {
  for (const std::size_t size : {64 * kKiB, kMiB, 40 * kMiB}) {
    for (int round = 0; round < 4; ++round) {
      const LargeBlock block = make_large(size, kMinAlign, kNoOwner);
      if (block.zeroed) {
        ASSERT_TRUE(reads_zero(block.start, size)) << size;
      }
      fill(block.start, size);
      release(block.start);
      if (round == 1) settle_down();
    }
  }
}

TEST_F(Large, DestroyingAHeapsBlocksLeavesOthersAlone) {
  std::vector<void*> mine, others;
  for (int i = 0; i < 300; ++i) {  // more than one batch
    mine.push_back(make(kGranuleBytes, kMinAlign, kHeap));
    if (i % 10 == 0)
      others.push_back(make(kGranuleBytes, kMinAlign, i % 20 == 0 ? kNoOwner : OwnerId{7001}));
  }
  mine.push_back(make(40 * kMiB, kMinAlign, kHeap));
  mine.push_back(
      resize_large(make(8 * kMiB, kMinAlign, kHeap), 50 * kMiB));  // its heap moves with it
  others.push_back(make(40 * kMiB));
  for (void* block : others) fill(block, kGranuleBytes);
  destroy_large_of(kHeap);
  for (void* block : mine) {
    EXPECT_NE(kind_at(block), Kind::kLarge);
    EXPECT_NE(kind_at(block), Kind::kHuge);
  }
  EXPECT_EQ(huge_use().blocks, huge.blocks + 1);
  EXPECT_EQ(run_store.use().in_use_bytes(), in_use + (others.size() - 1) * kGranuleBytes);
  for (void* block : others) {
    EXPECT_TRUE(holds(block, kGranuleBytes));
    release(block);
  }
}

TEST_F(Large, AUsersHeapsBlocksAreNotCached) {
  void* block = make(kGranuleBytes, kMinAlign, kHeap);
  release(block);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u) << "destroying the heap would not find it there";
  block = make(kGranuleBytes);
  release(block);
  EXPECT_EQ(idle_blocks.held_bytes(), kGranuleBytes);
}

}  // namespace
}  // namespace hakmem
