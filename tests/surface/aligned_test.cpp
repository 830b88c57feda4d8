// posix_memalign, aligned_alloc, memalign, valloc and pvalloc, up to alignments of 64 MiB.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

constexpr std::size_t kSizes[] = {0,    1,    7,      16,     100,     1024,
                                  4096, 5000, 32'768, 32'769, 100'000, kMiB};

bool aligned_to(const void* block, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

void expect_good(void* block, std::size_t alignment, std::size_t size) {
  ASSERT_NE(block, nullptr) << alignment << ", " << size;
  EXPECT_TRUE(aligned_to(block, alignment)) << alignment << ", " << size;
  const std::size_t usable = malloc_usable_size(block);
  EXPECT_GE(usable, size);
  support::fill(block, usable, alignment ^ size);
  EXPECT_TRUE(support::holds(block, usable, alignment ^ size));
}

TEST(Aligned, EveryAlignmentAndSize) {
  for (std::size_t alignment = sizeof(void*); alignment <= 64 * kMiB; alignment *= 2) {
    for (const std::size_t size : kSizes) {
      void* posix = nullptr;
      ASSERT_EQ(posix_memalign(&posix, opaque(alignment), opaque(size)), 0);
      expect_good(posix, alignment, size);
      void* const c11 = std::aligned_alloc(opaque(alignment), opaque(size));
      expect_good(c11, alignment, size);
      void* const old = memalign(opaque(alignment), opaque(size));
      expect_good(old, alignment, size);
      for (void* block : {posix, c11, old}) std::free(block);
    }
  }
}

TEST(Aligned, ReallocKeepsContents) {
  for (std::size_t alignment = 16; alignment <= 64 * kMiB; alignment *= 4) {
    for (const std::size_t size : kSizes) {
      for (const std::size_t next : {size / 2 + 1, size + 1, size * 3 + 100}) {
        void* block = memalign(opaque(alignment), opaque(size));
        ASSERT_NE(block, nullptr);
        support::fill(block, size, alignment);
        block = std::realloc(block, opaque(next));
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(support::holds(block, size, std::min(size, next), alignment))
            << alignment << ", " << size;
        std::free(block);
      }
    }
  }
}

TEST(Aligned, ManyLiveBlocksDoNotOverlap) {
  struct Block {
    void* address;
    std::size_t usable;
  };
  std::mt19937_64 random(7);
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < 4000; ++i) {
    const std::size_t alignment = std::size_t{8} << random() % 10;
    void* const block = std::aligned_alloc(alignment, opaque(random() % 3000));
    ASSERT_TRUE(aligned_to(block, alignment));
    blocks.push_back({block, malloc_usable_size(block)});
    support::fill(block, blocks.back().usable, i);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_TRUE(support::holds(blocks[i].address, blocks[i].usable, i));
    std::free(blocks[i].address);
  }
}

TEST(Aligned, PosixMemalignRefusesBadAlignments) {
  for (const std::size_t alignment :
       {0ul, 1ul, 2ul, 3ul, 4ul, 7ul, 12ul, 24ul, 48ul, 100ul, 4097ul, (1ul << 40) + 8}) {
    void* block = &block;
    errno = EXDEV;
    EXPECT_EQ(posix_memalign(&block, opaque(alignment), 64), EINVAL) << alignment;
    EXPECT_EQ(block, &block) << "a failed call changed the pointer";
  }
}

TEST(Aligned, AlignedAllocRefusesWhatIsNoPowerOfTwo) {
  for (const std::size_t alignment : {0ul, 3ul, 12ul, 24ul, 48ul, 4097ul}) {
    errno = 0;
    EXPECT_EQ(std::aligned_alloc(opaque(alignment), 64), nullptr) << alignment;
    EXPECT_EQ(errno, EINVAL) << alignment;
  }
}

// C23 dropped the rule that the size is a multiple of the alignment.
TEST(Aligned, AlignedAllocTakesAnySize) {
  for (const std::size_t size : {1ul, 65ul, 1000ul, 5001ul}) {
    void* const block = std::aligned_alloc(opaque(std::size_t{256}), opaque(size));
    expect_good(block, 256, size);
    std::free(block);
  }
}

// As the GNU C library's, which some programs count on.
TEST(Aligned, MemalignRoundsAlignmentsUp) {
  for (const std::size_t alignment : {0ul, 3ul, 24ul, 48ul, 100ul, 1000ul, 12'288ul, 3'000'000ul}) {
    void* const block = memalign(opaque(alignment), 64);
    EXPECT_TRUE(block != nullptr && aligned_to(block, std::bit_ceil(alignment))) << alignment;
    std::free(block);
  }
  errno = 0;
  EXPECT_EQ(memalign(opaque(SIZE_MAX / 2 + 2), 64), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Aligned, PageFunctions) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (const std::size_t size : kSizes) {
    void* const aligned = valloc(opaque(size));
    expect_good(aligned, page, size);
    void* const whole_pages = pvalloc(opaque(size));
    expect_good(whole_pages, page, (size + page - 1) / page * page);
    std::free(aligned);
    std::free(whole_pages);
  }
}

// An alignment costs address space, not memory.
TEST(Aligned, LargeAlignmentsHoldLittle) {
  const std::size_t before = support::resident_mib();
  std::vector<void*> blocks;
  for (int i = 0; i < 50; ++i) {
    blocks.push_back(std::aligned_alloc(4 * kMiB, opaque(std::size_t{100})));
    ASSERT_TRUE(aligned_to(blocks.back(), 4 * kMiB));
    support::fill(blocks.back(), 100, 1);
  }
  EXPECT_LT(support::resident_mib(), before + 16);
  for (void* block : blocks) std::free(block);
}

}  // namespace
