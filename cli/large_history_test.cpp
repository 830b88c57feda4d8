// Large histories: which blocks wait, for how long, and at which depth.
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/units.hpp"
#include "large_history_fixture.hpp"

namespace hakmem::cli {
namespace {

Event allocation(std::uint64_t second, std::uint64_t block, std::uint64_t size) {
  return {second * kSecond, block, size, 0, 7, Op::kAllocate};
}
Event freeing(std::uint64_t second, std::uint64_t block) {
  return {second * kSecond, block, 0, 0, 0, Op::kFree};
}
Event resize(std::uint64_t second, std::uint64_t block, std::uint64_t size) {
  return {second * kSecond, block, size, 0, 7, Op::kResize};
}

TEST(LargeHistory, NewestFreedIsReusedFirst) {
  const LargeHistory history =
      history_of({allocation(0, 1, kMiB), allocation(0, 2, kMiB), freeing(1, 1), freeing(2, 2),
                  allocation(5, 3, kMiB - 100)},
                 9);
  ASSERT_EQ(history.spans.size(), 2u);
  EXPECT_EQ(history.spans[0].position, 0u);
  EXPECT_FALSE(history.spans[0].reused);
  EXPECT_EQ(history.spans[0].idle_s(), 8);
  EXPECT_EQ(history.spans[1].position, 1u);
  EXPECT_TRUE(history.spans[1].reused);
  EXPECT_EQ(history.spans[1].idle_s(), 3);
  EXPECT_EQ(history.spans[1].site, 7u) << "of the allocation";
  EXPECT_EQ(history.fresh.size(), 2u);
  EXPECT_EQ(history.live_peak_bytes, 2.0 * kMiB);
  EXPECT_NEAR(history.live_gib_s, (2 + 1 + 0 + 4) / 1024.0, 1e-12);
}

TEST(LargeHistory, ClassesDoNotServeEachOther) {
  const LargeHistory history =
      history_of({allocation(0, 1, kMiB), freeing(1, 1), allocation(2, 2, 2 * kMiB)}, 3);
  ASSERT_EQ(history.spans.size(), 1u);
  EXPECT_FALSE(history.spans[0].reused);
}

TEST(LargeHistory, SmallBlocksAreNoneOfIts) {
  const LargeHistory history =
      history_of({allocation(0, 1, 32 * kKiB), freeing(1, 1), freeing(1, 99)}, 2);
  EXPECT_TRUE(history.spans.empty());
  EXPECT_EQ(history.large_events, 0u);
}

TEST(LargeHistory, AGrowingBlockTakesItsPagesAlong) {
  const LargeHistory history = history_of(
      {allocation(0, 1, kKiB), resize(1, 1, kMiB), resize(2, 1, 8 * kMiB), freeing(3, 1)}, 4);
  ASSERT_EQ(history.spans.size(), 1u);
  EXPECT_EQ(history.spans[0].bytes, 8 * kMiB);
  EXPECT_EQ(history.live_peak_bytes, 8.0 * kMiB);
}

TEST(LargeHistory, ABlockThatShrinksBelowLargeIsIdle) {
  const LargeHistory history = history_of({allocation(0, 1, kMiB), resize(1, 1, kKiB)}, 4);
  ASSERT_EQ(history.spans.size(), 1u);
  EXPECT_EQ(history.spans[0].idle_s(), 3);
}

TEST(LargeHistory, EventsOutOfOrderAreRefused) {
  EXPECT_THROW(history_of({allocation(2, 1, kMiB), freeing(1, 1)}, 3), std::runtime_error);
  EXPECT_THROW(history_of({allocation(2, 1, kMiB)}, 1), std::runtime_error);
}

}  // namespace
}  // namespace hakmem::cli
