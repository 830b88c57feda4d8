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

TEST(HugePages, ASparseHeapIsNotInflated) {
  EXPECT_LE(resident_of_half_touched(30'000), 110u * 105 / 100);
}

TEST(HugePages, NorOneOfLargeBlocks) {
  EXPECT_LE(resident_of_half_touched(200'000), 100u * 105 / 100);
}

}  // namespace
