// realloc keeps contents for every pair of sizes, grows large blocks without copying, shrinks for
// real.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

// Both sides of every border: classes, tiny to mid, mid to large, granule, huge mapping.
constexpr std::size_t kGrid[] = {
    1,       8,       16,   17,       100,      128,      129,       1000,      1024,
    1025,    4000,    4096, 10'000,   32'767,   32'768,   32'769,    65'536,    65'537,
    100'000, 262'144, kMiB, kMiB + 1, 2 * kMiB, 4 * kMiB, 16 * kMiB, 33 * kMiB, 64 * kMiB};

TEST(Realloc, KeepsContentsForEveryPair) {
  for (const std::size_t from : kGrid) {
    for (const std::size_t to : kGrid) {
      void* block = std::malloc(opaque(from));
      ASSERT_NE(block, nullptr);
      support::fill(block, from, from ^ to);
      block = std::realloc(block, opaque(to));
      ASSERT_NE(block, nullptr);
      ASSERT_GE(malloc_usable_size(block), to);
      ASSERT_TRUE(support::holds(block, from, std::min(from, to), from ^ to))
          << from << " to " << to;
      std::free(block);
    }
  }
}

TEST(Realloc, ChainsThroughTheGridAndBack) {
  std::vector<std::size_t> chain(std::begin(kGrid), std::end(kGrid));
  chain.insert(chain.end(), std::rbegin(kGrid), std::rend(kGrid));
  void* block = nullptr;
  std::size_t size = 0;
  for (const std::size_t next : chain) {
    block = std::realloc(block, opaque(next));
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(support::holds(block, size, std::min(size, next), size)) << size << " to " << next;
    support::fill(block, next, next);
    size = next;
  }
  std::free(block);
}

TEST(Realloc, OfNullAllocates) {
  for (const std::size_t size : kGrid) {
    void* const block = std::realloc(opaque(static_cast<void*>(nullptr)), opaque(size));
    ASSERT_NE(block, nullptr);
    support::fill(block, size, 1);
    std::free(block);
  }
}

// C leaves open whether NULL or a block comes back; either way the old block must not leak.
TEST(Realloc, ToZeroBytesLeaksNothing) {
  const std::size_t before = support::resident_mib();
  for (int i = 0; i < 20'000; ++i) {
    void* const block = std::malloc(opaque(std::size_t{30'000}));
    std::memset(block, 1, 30'000);
    std::free(std::realloc(block, opaque(std::size_t{0})));
  }
  EXPECT_LT(support::resident_mib(), before + 64);
}

TEST(Realloc, ReallocarrayMultiplies) {
  void* block = reallocarray(nullptr, opaque(std::size_t{100}), 30);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(malloc_usable_size(block), 3000u);
  support::fill(block, 3000, 5);
  block = reallocarray(block, opaque(std::size_t{1000}), 300);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(malloc_usable_size(block), 300'000u);
  EXPECT_TRUE(support::holds(block, 3000, 5));
  std::free(block);
}

// Grows one block to `size` in equal steps, touching each step, and counts how often it moves.
// `between` runs after each step.
template <class Between>
int count_moves(std::size_t size, std::size_t step, Between between) {
  int moves = 0;
  std::uintptr_t last = 0;
  void* block = nullptr;
  for (std::size_t now = step; now <= size; now += step) {
    block = std::realloc(block, opaque(now));
    if (block == nullptr) return -1;
    support::fill(static_cast<char*>(block) + now - step, 8, now);
    moves += reinterpret_cast<std::uintptr_t>(block) != last;
    last = reinterpret_cast<std::uintptr_t>(block);
    between();
  }
  for (std::size_t now = step; now <= size; now += step) {
    if (!support::holds(static_cast<char*>(block) + now - step, 8, now)) moves = -1;
  }
  std::free(block);
  return moves;
}

// glibc moves 13 times here; an allocator that moves at each step 4,096 times.
TEST(Realloc, GrowingTo256MiBMovesRarely) {
  const int moves = count_moves(256 * kMiB, 64 << 10, [] {});
  EXPECT_GE(moves, 1) << "contents lost, or out of memory";
  EXPECT_LE(moves, 64);
}

TEST(Realloc, GrowingAmongOtherBlocksMovesRarely) {
  std::vector<void*> others;
  const int moves = count_moves(
      256 * kMiB, 64 << 10, [&] { others.push_back(std::malloc(opaque(std::size_t{40'000}))); });
  for (void* other : others) std::free(other);
  EXPECT_GE(moves, 1) << "contents lost, or out of memory";
  EXPECT_LE(moves, 256);
}

TEST(Realloc, ShrinkingGivesMemoryBack) {
  const std::size_t before = support::resident_mib();
  void* block = std::malloc(opaque(256 * kMiB));
  ASSERT_NE(block, nullptr);
  support::fill(block, 256 * kMiB, 9);
  ASSERT_GE(support::resident_mib(), before + 250);
  block = std::realloc(block, opaque(kMiB));
  malloc_trim(0);
  EXPECT_LT(support::resident_mib(), before + 32);
  EXPECT_TRUE(support::holds(block, 256 * kMiB, kMiB, 9));
  std::free(block);
}

}  // namespace
