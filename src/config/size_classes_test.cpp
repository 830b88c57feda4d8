// Size classes: the invariants of size_classes.hpp, for every size there is.
#include "config/size_classes.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

std::size_t index_for(std::size_t size) { return index_of(class_of(size)); }

// (1), from the size to the class.
TEST(SizeClasses, EverySizeGetsTheSmallestClassThatHoldsIt) {
  for (std::size_t n = 0; n <= kMaxSmall; ++n) {
    const std::size_t c = index_for(n);
    ASSERT_LT(c, kClasses) << n;
    ASSERT_GE(kClassSize[c], n);
    if (c > 0) {
      ASSERT_LT(kClassSize[c - 1], n);
    }
  }
}

// (1), from the class to its sizes.
TEST(SizeClasses, EveryClassServesExactlyTheSizesAboveTheOneBelow) {
  std::size_t n = 0;
  for (std::size_t c = 0; c < kClasses; ++c) {
    ASSERT_GE(kClassSize[c], n) << "sizes rise";
    for (; n <= kClassSize[c]; ++n) ASSERT_EQ(index_for(n), c) << n;
  }
  EXPECT_EQ(n, kMaxSmall + 1) << "the largest class is what slabs serve at most";
}

// (2)
TEST(SizeClasses, AboveTheFineClassesLittleIsWasted) {
  double sum = 0;
  for (std::size_t n = kFineLimit + 1; n <= kMaxSmall; ++n) {
    const std::size_t block = size_of(class_of(n));
    const std::size_t waste = block - n;
    ASSERT_LE(waste * 5, block) << n;
    sum += static_cast<double>(waste) / static_cast<double>(block);
  }
  EXPECT_LE(sum / static_cast<double>(kMaxSmall - kFineLimit), 0.10);
}

// (3)
TEST(SizeClasses, EverySizeIsAMultipleOfTheLeastAlignment) {
  for (const std::uint32_t size : kClassSize) EXPECT_EQ(size % kMinAlign, 0u) << size;
}

TEST(SlabShapes, HoldAllTheirBlocksAndLittleElse) {
  for (std::size_t c = 0; c < kClasses; ++c) {
    const SlabShape& shape = kSlabShape[c];
    const std::size_t bytes = shape.granules * kGranuleBytes;
    const std::size_t used = std::size_t{shape.slots} * kClassSize[c];
    ASSERT_LE(used, bytes);
    EXPECT_LE((bytes - used) * kMaxTailShare, bytes) << "tail of class " << kClassSize[c];  // (4)
    EXPECT_LT(bytes - used, kClassSize[c]) << "a tail that would hold one more block";
    EXPECT_LE(shape.granules, kMaxSlabGranules);
    EXPECT_GE(shape.slots, kMinSlabSlots);
    EXPECT_GE(shape.words * 64u, shape.slots);
    EXPECT_LT((shape.words - 1u) * 64u, shape.slots);
    EXPECT_LE(shape.words, 64u) << "one summary word";
  }
}

TEST(SlabShapes, TheReciprocalFindsTheSlotOfEveryOffset) {
  for (std::size_t c = 0; c < kClasses; ++c) {
    const std::uint64_t size = kClassSize[c];
    std::uint64_t wrong = 0;
    for (std::uint64_t slot = 0; slot < kSlabShape[c].slots; ++slot) {
      for (std::uint64_t inside = 0; inside < size; ++inside) {
        const std::uint64_t offset = slot * size + inside;
        wrong += (offset * kSlabShape[c].reciprocal >> 32) != slot;
      }
    }
    EXPECT_EQ(wrong, 0u) << "class " << size;
  }
}

TEST(SlabShapes, LineGroupsAreTheFewestBlocksThatFillWholeLines) {
  for (std::size_t c = 0; c < kClasses; ++c) {
    unsigned fewest = 1;
    while (fewest * kClassSize[c] % kCacheLine != 0) ++fewest;
    EXPECT_EQ(kSlabShape[c].line_group, fewest) << kClassSize[c];
  }
}

// Slabs start on a granule, so a block is aligned to whatever divides both its size and a granule.
TEST(AlignedClasses, AreTheSmallestWhoseBlocksAreAllAligned) {
  for (std::size_t alignment = 1; alignment <= kMaxSmall; alignment *= 2) {
    for (std::size_t n = 0; n <= kMaxSmall; ++n) {
      const std::size_t c = aligned_class_index(n, alignment);
      ASSERT_LT(c, kClasses) << n << " aligned to " << alignment;
      ASSERT_GE(kClassSize[c], n);
      ASSERT_EQ(kClassSize[c] % alignment, 0u) << n;
      for (std::size_t smaller = index_for(n); smaller < c; ++smaller) {
        ASSERT_NE(kClassSize[smaller] % alignment, 0u) << n << " aligned to " << alignment;
      }
    }
  }
}

TEST(AlignedClasses, AreNoneAboveWhatSlabsServe) {
  EXPECT_EQ(aligned_class_index(kMaxSmall + 1, 16), kClasses);
  EXPECT_EQ(aligned_class_index(SIZE_MAX, 16), kClasses);
  for (std::size_t alignment = kMaxSmall * 2; alignment != 0; alignment *= 2) {
    EXPECT_EQ(aligned_class_index(1, alignment), kClasses);
  }
}

}  // namespace
}  // namespace hakmem
