// Sizes that no machine can give: the answer is NULL and ENOMEM, and nothing else changes.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/opaque.hpp"

namespace {

using support::opaque;

constexpr std::size_t kAbsurd[] = {std::size_t{1} << 50, PTRDIFF_MAX - 4096ul, PTRDIFF_MAX,
                                   PTRDIFF_MAX + 1ul,    SIZE_MAX - 65536,     SIZE_MAX - 4096,
                                   SIZE_MAX - 16,        SIZE_MAX - 1,         SIZE_MAX};

using Allocate = std::function<void*(std::size_t)>;

void expect_enomem(const char* what, const Allocate& allocate) {
  for (const std::size_t size : kAbsurd) {
    errno = 0;
    EXPECT_EQ(allocate(opaque(size)), nullptr) << what << "(" << size << ")";
    EXPECT_EQ(errno, ENOMEM) << what << "(" << size << ")";
  }
}

TEST(AbsurdSizes, EveryFunctionSaysEnomem) {
  expect_enomem("malloc", [](std::size_t size) { return std::malloc(size); });
  expect_enomem("calloc", [](std::size_t size) { return std::calloc(1, size); });
  expect_enomem("calloc", [](std::size_t size) { return std::calloc(size, 1); });
  expect_enomem("realloc(NULL)", [](std::size_t size) { return std::realloc(nullptr, size); });
  expect_enomem("reallocarray", [](std::size_t size) { return reallocarray(nullptr, 1, size); });
  expect_enomem("aligned_alloc(64)", [](std::size_t size) { return std::aligned_alloc(64, size); });
  expect_enomem("memalign(4096)", [](std::size_t size) { return memalign(4096, size); });
  expect_enomem("memalign(1 MiB)", [](std::size_t size) { return memalign(1 << 20, size); });
  expect_enomem("valloc", [](std::size_t size) { return valloc(size); });
  expect_enomem("pvalloc", [](std::size_t size) { return pvalloc(size); });
}

TEST(AbsurdSizes, PosixMemalignReturnsEnomemAndLeavesThePointer) {
  for (const std::size_t size : kAbsurd) {
    for (const std::size_t alignment : {8ul, 64ul, 4096ul, 1ul << 20}) {
      void* block = &block;
      EXPECT_EQ(posix_memalign(&block, alignment, opaque(size)), ENOMEM)
          << alignment << ", " << size;
      EXPECT_EQ(block, &block);
    }
  }
}

TEST(AbsurdSizes, HugeAlignmentsFailCleanly) {
  for (const std::size_t alignment :
       {std::size_t{1} << 48, std::size_t{1} << 62, std::size_t{1} << 63}) {
    void* block = nullptr;
    EXPECT_EQ(posix_memalign(&block, opaque(alignment), 100), ENOMEM) << alignment;
    EXPECT_EQ(std::aligned_alloc(opaque(alignment), 100), nullptr) << alignment;
  }
}

constexpr std::pair<std::size_t, std::size_t> kOverflowing[] = {
    {SIZE_MAX, 2},
    {2, SIZE_MAX},
    {SIZE_MAX / 2, 3},
    {std::size_t{1} << 32, std::size_t{1} << 32},
    {std::size_t{1} << 33, std::size_t{1} << 33},
    {SIZE_MAX / 16 + 1, 16},
    {SIZE_MAX, SIZE_MAX}};

TEST(AbsurdSizes, CallocProductOverflow) {
  for (const auto& [count, size] : kOverflowing) {
    errno = 0;
    EXPECT_EQ(std::calloc(opaque(count), opaque(size)), nullptr) << count << " x " << size;
    EXPECT_EQ(errno, ENOMEM);
  }
}

TEST(AbsurdSizes, ReallocarrayOverflowKeepsTheBlock) {
  char* const block = static_cast<char*>(std::malloc(opaque(std::size_t{40})));
  std::strcpy(block, "still here");
  for (const auto& [count, size] : kOverflowing) {
    errno = 0;
    EXPECT_EQ(reallocarray(opaque(block), opaque(count), opaque(size)), nullptr)
        << count << " x " << size;
    EXPECT_EQ(errno, ENOMEM);
  }
  EXPECT_STREQ(block, "still here");
  std::free(block);
}

TEST(AbsurdSizes, ReallocKeepsTheBlockOfEveryTier) {
  for (const std::size_t start : {20ul, 2000ul, 40'000ul, 4ul << 20}) {
    char* const block = static_cast<char*>(std::malloc(opaque(start)));
    std::memset(block, 7, start);
    for (const std::size_t size : kAbsurd) {
      errno = 0;
      ASSERT_EQ(std::realloc(opaque(block), opaque(size)), nullptr) << start << " to " << size;
      EXPECT_EQ(errno, ENOMEM);
    }
    EXPECT_EQ(block[0], 7);
    EXPECT_EQ(block[start - 1], 7);
    std::free(block);
  }
}

TEST(AbsurdSizes, TheAllocatorWorksAfterwards) {
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(std::malloc(opaque(std::size_t{SIZE_MAX})), nullptr);
  void* const block = std::malloc(opaque(std::size_t{100'000}));
  ASSERT_NE(block, nullptr);
  std::memset(block, 1, 100'000);
  std::free(block);
}

}  // namespace
