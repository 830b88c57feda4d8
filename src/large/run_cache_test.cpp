// Run cache: what was freed a moment ago comes back by length; what nobody needed moves on.
#include "large/run_cache.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "config/knobs.hpp"
#include "os/clock.hpp"

namespace hakmem {
namespace {

constexpr std::uint64_t kLength = 3;

Run* make_run(std::uint64_t count) {
  hakmem::Run* run = run_store.allocate(Granules{count}).run;
  if (run == nullptr) std::abort();
  return run;
}

class RunCacheTest : public testing::Test {
 protected:
  void keep(int n, std::uint64_t length = kLength) {
    std::vector<hakmem::Run*> runs;
    for (int i = 0; i < n; ++i) runs.push_back(make_run(length));
    for (hakmem::Run* run : runs) ASSERT_TRUE(cache().keep(run));
  }

  std::size_t held() { return cache().held_bytes() / (kLength * kGranuleBytes); }

  // As malloc and free of `n` blocks at once would.
  void use(int n) {
    std::vector<hakmem::Run*> runs;
    for (int i = 0; i < n; ++i) runs.push_back(cache().take(Granules{kLength}));
    for (hakmem::Run* run : runs) {
      ASSERT_NE(run, nullptr);
      ASSERT_TRUE(cache().keep(run));
    }
  }

  RunCache& cache() {
    static RunCache cache_here;
    return cache_here;
  }

  void TearDown() override {
    cache().trim(true);
    EXPECT_EQ(cache().held_bytes(), 0u);
    EXPECT_TRUE(run_store.check_invariants());
  }
};

TEST_F(RunCacheTest, GivesBackTheNewestOfExactlyThisLength) {
  hakmem::Run* const first = make_run(kLength);
  hakmem::Run* const second = make_run(kLength);
  ASSERT_TRUE(cache().keep(first));
  ASSERT_TRUE(cache().keep(second));
  EXPECT_EQ(cache().take(Granules{kLength - 1}), nullptr);
  EXPECT_EQ(cache().take(Granules{kLength + 1}), nullptr);
  EXPECT_EQ(cache().take(Granules{kLength}), second);
  EXPECT_EQ(cache().take(Granules{kLength}), first);
  EXPECT_EQ(cache().take(Granules{kLength}), nullptr);
  run_store.release(first);
  run_store.release(second);
}

TEST_F(RunCacheTest, IsNotFreeForAnybodyElse) {
  keep(1);
  const RunUse before = run_store.use();
  hakmem::Run* const run = make_run(kLength);
  EXPECT_EQ(run_store.use().free_bytes, before.free_bytes - kLength * kGranuleBytes);
  run_store.release(run);
}

TEST_F(RunCacheTest, HoldsItsLimitAndNoMore) {  // (1)
  constexpr std::uint64_t kLong = 16;
  constexpr std::size_t kFit = knobs::kRunCacheBytes / (kLong * kGranuleBytes);
  keep(static_cast<int>(kFit), kLong);
  EXPECT_EQ(cache().held_bytes(), knobs::kRunCacheBytes);
  hakmem::Run* const more = make_run(kLong);
  EXPECT_FALSE(cache().keep(more));
  run_store.release(more);
  hakmem::Run* const beyond = make_run(knobs::kRunCacheBytes / kGranuleBytes + 1);
  EXPECT_FALSE(cache().keep(beyond)) << "longer than all it may hold";
  run_store.release(beyond);
}

// (2): the low-water mark since the last trim is what nobody needed.
TEST_F(RunCacheTest, TrimMovesOnWhatNobodyNeeded) {
  keep(5);
  cache().trim(false);
  EXPECT_EQ(held(), 5u) << "new since the last trim";
  use(2);
  cache().trim(false);
  EXPECT_EQ(held(), 2u) << "three were not needed";
  use(2);
  cache().trim(false);
  EXPECT_EQ(held(), 2u) << "both are in use";
  cache().trim(false);
  EXPECT_EQ(held(), 0u) << "a period without use";
}

TEST_F(RunCacheTest, TrimReturnsMemoryToTheStore) {
  keep(4);
  const std::size_t free = run_store.use().free_bytes;
  cache().trim(true);
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(run_store.use().free_bytes, free + 4 * kLength * kGranuleBytes);
  EXPECT_EQ(cache().take(Granules{kLength}), nullptr);
}

TEST_F(RunCacheTest, LengthsAreApart) {
  keep(2, 1);
  keep(2, kLength);
  cache().trim(false);
  use(2);
  cache().trim(false);
  EXPECT_EQ(cache().take(Granules{1}), nullptr) << "idle for a period";
  use(2);
}

}  // namespace
}  // namespace hakmem
