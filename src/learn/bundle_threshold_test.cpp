// Bundle thresholds: high for hot classes, low for cold ones, and at rest at any steady rate.
#include "learn/bundle_threshold.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hakmem::learn {
namespace {

constexpr unsigned kMost = 131;

// A steady stream of blocks a second: what leaves full, and what waits too long.
BundleUse use_at(double rate, unsigned blocks) {
  const auto full = static_cast<std::uint32_t>(rate / blocks);
  return {full, full == 0 && rate > 0 ? 1U : 0U};
}

TEST(BundleThreshold, ComesToRestAtAnySteadyRate) {
  for (double rate = 0.5; rate < 1e7; rate *= 1.3) {
    for (unsigned start : {1U, 8U, kMost}) {
      unsigned blocks = start;
      std::vector<unsigned> course;
      for (int second = 0; second < 40; ++second)
        course.push_back(blocks = next_bundle(blocks, use_at(rate, blocks), 64, kMost));
      for (int second = 20; second < 40; ++second)
        EXPECT_EQ(course[second], course[19]) << rate << " from " << start;
    }
  }
}

TEST(BundleThreshold, HotOnesFillTheirMagazine) {
  unsigned blocks = 1;
  for (int second = 0; second < 10; ++second)
    blocks = next_bundle(blocks, use_at(1e6, blocks), 64, kMost);
  EXPECT_EQ(blocks, kMost);
}

TEST(BundleThreshold, ColdOnesStrandLittle) {
  for (std::size_t size : {16UL, 1024UL, 8192UL, 32768UL}) {
    unsigned blocks = kMost;
    for (int second = 0; second < 10; ++second)
      blocks = next_bundle(blocks, use_at(0.5, blocks), size, kMost);
    EXPECT_EQ(blocks, least_bundle(size)) << size;
    EXPECT_TRUE(blocks == 1 || blocks * size <= kColdBytes) << size;
  }
}

TEST(BundleThreshold, AClassThatIsNotUsedDoesNotMove) {
  EXPECT_EQ(next_bundle(32, {0, 0}, 64, kMost), 32u);
}

// Two threads that swap roles every second: producer, consumer. Each second looks like the one
// before.
TEST(BundleThreshold, SwappedRolesChangeNothing) {
  unsigned blocks = kMost;
  unsigned changes = 0;
  for (int second = 0; second < 100; ++second) {
    const unsigned next =
        next_bundle(blocks, second % 2 == 0 ? BundleUse{40, 3} : BundleUse{38, 5}, 64, kMost);
    changes += next != blocks ? 1 : 0;
    blocks = next;
  }
  EXPECT_EQ(changes, 0u);
}

}  // namespace
}  // namespace hakmem::learn
