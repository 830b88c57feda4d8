// Huge pages in automatic mode: a heap whose blocks are hardly touched holds no more than without
// them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/opaque.hpp"
#include "support/resident.hpp"

namespace {

// 200 MiB of blocks of which the first half is touched. Returns what became resident, in MiB.
std::size_t resident_of_half_touched(std::size_t size) {
  const std::size_t before = support::resident_mib();
  std::vector<char*> blocks(200 * support::kMiB / size);
  for (char*& block : blocks) {
    block = static_cast<char*>(std::malloc(support::opaque(size)));
    std::memset(block, 1, size / 2);
  }
  const std::size_t held = support::resident_mib() - before;
  for (char* block : blocks) std::free(block);
  return held;
}

// Blocks of which one page is touched after small ones that are touched whole. What became resident of those blocks, in MiB.
std::size_t resident_of_sparse_after_dense(std::size_t dense_mib, std::size_t blocks) {
  constexpr std::size_t kSmall = 200;
  for (std::size_t i = 0; i < dense_mib * support::kMiB / kSmall; ++i) std::memset(std::malloc(support::opaque(kSmall)), 1, kSmall);
  const std::size_t before = support::resident_mib();
  for (std::size_t i = 0; i < blocks; ++i) *static_cast<char*>(std::malloc(support::opaque(std::size_t{65'536}))) = 1;
  return support::resident_mib() - before;
}

// 600 pages are 2.3 MiB.
TEST(HugePages, ADensePartDoesNotSpeakForASparseOneAfterIt) { EXPECT_LE(resident_of_sparse_after_dense(25, 600), 5u); }

TEST(HugePages, WhatIsReservedDoesNotCountAsResident) {
  void* const reserved = std::malloc(support::opaque(std::size_t{1} << 30));
  ASSERT_NE(reserved, nullptr);
  EXPECT_LE(resident_of_sparse_after_dense(25, 600), 5u);
  std::free(reserved);
}

TEST(HugePages, ASparseHeapIsNotInflated) {
  EXPECT_LE(resident_of_half_touched(30'000), 110u * 105 / 100);
}

TEST(HugePages, NorOneOfLargeBlocks) {
  EXPECT_LE(resident_of_half_touched(200'000), 100u * 105 / 100);
}

}  // namespace
