// calloc gives zeros, above all from memory that was full of something else a moment ago.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

// Allocates `count` blocks, dirties every usable byte and frees them all.
void leave_dirt(std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) {
    block = std::malloc(opaque(size));
    ASSERT_NE(block, nullptr);
    std::memset(block, 0xA5, malloc_usable_size(block));
  }
  for (void* block : blocks) std::free(block);
}

void expect_zeros(std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) {
    block = std::calloc(opaque(std::size_t{1}), opaque(size));
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(support::all_zero(block, size)) << size << " bytes";
  }
  for (void* block : blocks) std::free(block);
}

TEST(Calloc, ZeroAfterDirtySmallSizes) {
  for (std::size_t size = 0; size <= 5000; ++size) {
    leave_dirt(size, 8);
    expect_zeros(size, 8);
  }
}

TEST(Calloc, ZeroAfterDirtyMiddleSizes) {
  for (std::size_t size = 5000; size <= 40'000; size += 61) {
    leave_dirt(size, 6);
    expect_zeros(size, 6);
  }
}

TEST(Calloc, ZeroAfterDirtyLargeSizes) {
  for (std::size_t size = 40'000; size <= 64 * kMiB; size = size * 4 / 3 + 1) {
    leave_dirt(size, 3);
    expect_zeros(size, 3);
  }
}

// Memory that goes back to the page layer and comes out again in other sizes.
TEST(Calloc, ZeroAfterDirtOfAnotherSize) {
  for (const std::size_t dirty : {48ul, 1000ul, 20'000ul, 200'000ul, 3 * kMiB}) {
    for (const std::size_t wanted :
         {32ul, 700ul, 30'000ul, 65'536ul, 150'000ul, 2 * kMiB, 5 * kMiB}) {
      leave_dirt(dirty, 8 * kMiB / dirty);
      expect_zeros(wanted, 1 + 4 * kMiB / wanted);
    }
  }
}

// Released pages come back as zeros; pages that were only meant to be released do not.
TEST(Calloc, ZeroAfterTrim) {
  for (const std::size_t size : {64ul, 4096ul, 100'000ul, 8 * kMiB}) {
    leave_dirt(size, 1 + 32 * kMiB / size);
    malloc_trim(0);
    expect_zeros(size, 1 + 32 * kMiB / size);
  }
}

TEST(Calloc, ZeroAfterAnotherThreadsDirt) {
  for (const std::size_t size : {16ul, 64ul, 600ul, 9000ul, 50'000ul, kMiB}) {
    std::vector<void*> blocks(64);
    std::thread([&] {
      for (void*& block : blocks) std::memset(block = std::malloc(opaque(size)), 0xA5, size);
    }).join();
    for (void* block : blocks) std::free(block);
    expect_zeros(size, 128);
    std::thread([&] { expect_zeros(size, 128); }).join();
  }
}

TEST(Calloc, ZeroAfterReallocShrankAndGrew) {
  for (const std::size_t size : {100'000ul, kMiB, 8 * kMiB, 40 * kMiB}) {
    void* block = std::malloc(opaque(size));
    std::memset(block, 0xA5, size);
    block = std::realloc(block, opaque(size / 3));
    expect_zeros(size / 2, 2);
    block = std::realloc(block, opaque(size * 2));
    std::memset(block, 0xA5, size * 2);
    std::free(block);
    expect_zeros(size, 4);
  }
}

TEST(Calloc, CountsTimesSize) {
  for (const auto& [count, size] :
       {std::pair{7ul, 13ul}, {1ul, 0ul}, {0ul, 5ul}, {1000ul, 77ul}, {3ul, kMiB}}) {
    void* const block = std::calloc(opaque(count), opaque(size));
    ASSERT_NE(block, nullptr);
    EXPECT_GE(malloc_usable_size(block), count * size);
    EXPECT_TRUE(support::all_zero(block, count * size));
    std::free(block);
  }
}

}  // namespace
