// Every size from 0 to 40,000 bytes: usable size, whole block writable, neighbours untouched,
// little waste.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::opaque;

constexpr std::size_t kLastSize = 40'000;
constexpr std::size_t kWindow = 64;  // blocks of neighbouring sizes that live at the same time

struct Block {
  void* address = nullptr;
  std::size_t usable = 0;
};

// Fills the whole usable size, so that a usable size that promises too much spoils a neighbour.
Block allocate_and_fill(std::size_t size) {
  Block block{std::malloc(opaque(size)), 0};
  if (block.address == nullptr) return block;
  block.usable = malloc_usable_size(block.address);
  support::fill(block.address, block.usable, size);
  return block;
}

TEST(Sizes, EverySizeIsUsableWholly) {
  std::vector<Block> window(kWindow);
  for (std::size_t size = 0; size <= kLastSize + kWindow; ++size) {
    Block& block = window[size % kWindow];
    if (size >= kWindow) {
      ASSERT_TRUE(support::holds(block.address, block.usable, size - kWindow))
          << size - kWindow << " bytes";
      std::free(block.address);
    }
    block = allocate_and_fill(size);
    ASSERT_NE(block.address, nullptr) << size << " bytes";
    ASSERT_GE(block.usable, size);
  }
  for (const Block& block : window) std::free(block.address);
}

TEST(Sizes, AllLiveAtOnce) {
  std::vector<Block> blocks;
  for (std::size_t size = 0; size <= kLastSize; size += 7)
    blocks.push_back(allocate_and_fill(size));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_TRUE(support::holds(blocks[i].address, blocks[i].usable, i * 7)) << i * 7 << " bytes";
    std::free(blocks[i].address);
  }
}

// Four classes a doubling: above 128 bytes at most a fifth of the block is waste.
TEST(Sizes, WasteIsAtMostAFifth) {
  for (std::size_t size = 129; size <= 32'768; ++size) {
    void* const block = std::malloc(opaque(size));
    const std::size_t usable = malloc_usable_size(block);
    EXPECT_LE((usable - size) * 5, usable) << size << " bytes";
    std::free(block);
  }
}

TEST(Sizes, LargeBlocksAreUsableWholly) {
  for (std::size_t size = kLastSize; size <= 200 * support::kMiB; size = size * 5 / 4 + 1) {
    const Block block = allocate_and_fill(size);
    ASSERT_NE(block.address, nullptr) << size << " bytes";
    ASSERT_GE(block.usable, size);
    ASSERT_TRUE(support::holds(block.address, block.usable, size));
    static_cast<char*>(block.address)[block.usable - 1] = 1;
    std::free(block.address);
  }
}

TEST(Sizes, UsableSizeOfNullIsZero) {
  EXPECT_EQ(malloc_usable_size(opaque(static_cast<void*>(nullptr))), 0u);
}

// C23's functions, which this C library does not declare yet.
using FreeSized = void (*)(void*, std::size_t);
using FreeAlignedSized = void (*)(void*, std::size_t, std::size_t);

TEST(SizedFree, GivesTheBlockBack) {
  const auto free_sized = reinterpret_cast<FreeSized>(dlsym(RTLD_DEFAULT, "free_sized"));
  ASSERT_NE(free_sized, nullptr);
  free_sized(nullptr, 0);
  const std::size_t before = support::resident_mib();
  for (int round = 0; round < 20; ++round) {
    for (std::size_t size = 0; size <= kLastSize; size += 13)
      free_sized(allocate_and_fill(size).address, size);
    free_sized(allocate_and_fill(8 * support::kMiB).address, 8 * support::kMiB);
  }
  EXPECT_LT(support::resident_mib(), before + 64);
}

TEST(SizedFree, GivesAlignedBlocksBack) {
  const auto free_aligned_sized =
      reinterpret_cast<FreeAlignedSized>(dlsym(RTLD_DEFAULT, "free_aligned_sized"));
  ASSERT_NE(free_aligned_sized, nullptr);
  free_aligned_sized(nullptr, 64, 64);
  const std::size_t before = support::resident_mib();
  for (std::size_t alignment = 16; alignment <= support::kMiB; alignment *= 2) {
    for (int i = 0; i < 200; ++i) {
      void* const block = std::aligned_alloc(alignment, opaque(3 * alignment));
      ASSERT_NE(block, nullptr);
      support::fill(block, 3 * alignment, alignment);
      free_aligned_sized(block, alignment, 3 * alignment);
    }
  }
  EXPECT_LT(support::resident_mib(), before + 64);
}

}  // namespace
