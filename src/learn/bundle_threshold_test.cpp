// Bundle thresholds: at the least of the bill, high for hot classes of small blocks, low for cold and large
// ones, and at rest at any steady rate.
#include "learn/bundle_threshold.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hakmem::learn {
namespace {

constexpr unsigned kMost = 131;
constexpr double kPrice = 0.125;
constexpr double kCost = kUsualHandOverS;

unsigned next_threshold(unsigned blocks, const BundleUse& use, std::size_t size) {
  return next_bundle(blocks, use, size, kMost, kPrice, kCost);
}

double bill_at(const BundleUse& use, std::size_t size, unsigned blocks) {
  const double held = use.bundles * blocks / 2.0 * static_cast<double>(size) / static_cast<double>(kGiB);
  return use.blocks_per_s / blocks * kCost + kPrice * held;
}

TEST(BundleThreshold, IsWithinAFewPerCentOfTheLeastBill) {
  for (std::size_t size : {64UL, 1024UL, 8192UL, 32768UL}) {
    for (double rate = 100; rate < 1e7; rate *= 3) {
      for (unsigned bundles : {1U, 8U, 56U}) {
        const BundleUse use{rate, bundles};
        double least = bill_at(use, size, kLeastBundle);
        for (unsigned n = kLeastBundle; n <= kMost; ++n) least = std::min(least, bill_at(use, size, n));
        EXPECT_LE(bill_at(use, size, next_threshold(kMost, use, size)), 1.25 * least) << size << " " << rate;
        EXPECT_LE(bill_at(use, size, next_threshold(kLeastBundle, use, size)), 1.25 * least) << size << " " << rate;
      }
    }
  }
}

// How long bundles are that begin with 8 blocks, at a steady rate: none leaves sooner than after kHotNs unless it is as long as
// can be, and none takes more than four times that unless it is the shortest.
TEST(BundlePace, FollowsTheRate) {
  constexpr std::uint8_t kMostDoublings = 4;
  for (double blocks_per_ns = 1e-7; blocks_per_ns < 1; blocks_per_ns *= 1.3) {
    const auto took_ns = [&](unsigned doublings) { return static_cast<std::uint64_t>((8U << doublings) / blocks_per_ns); };
    for (std::uint8_t doublings : {std::uint8_t{0}, kMostDoublings}) {
      const auto next_of = [&](std::uint8_t d) { return next_doublings(d, d < kMostDoublings, took_ns(d)); };
      for (int bundle = 0; bundle < 20; ++bundle) {
        std::uint8_t next = next_of(doublings);
        for (; next > doublings; next = next_of(doublings)) doublings = next;  // the same one goes on
        doublings = next;
      }
      EXPECT_TRUE(took_ns(doublings) > kHotNs || doublings == kMostDoublings) << blocks_per_ns;
      EXPECT_TRUE(took_ns(doublings) <= 4 * kHotNs || doublings == 0) << blocks_per_ns;
    }
  }
}

TEST(BundleThreshold, ComesToRestAtAnySteadyRate) {
  for (double rate = 0.5; rate < 1e7; rate *= 1.3) {
    for (unsigned start : {1U, 8U, kMost}) {
      const unsigned first = next_threshold(start, {rate, 4}, 64);
      EXPECT_EQ(next_threshold(first, {rate, 4}, 64), first) << rate << " from " << start;
    }
  }
}

TEST(BundleThreshold, HotOnesFillTheirMagazine) { EXPECT_EQ(next_threshold(1, {1e6, 1}, 64), kMost); }

TEST(BundleThreshold, ColdOnesStrandLittle) {
  for (std::size_t size : {8192UL, 32768UL}) EXPECT_EQ(next_threshold(kMost, {0.5, 1}, size), kLeastBundle) << size;
}

TEST(BundleThreshold, AClassThatIsNotUsedDoesNotMove) { EXPECT_EQ(next_threshold(32, {0, 0}, 64), 32U); }

// Rates that wander by a half up and down, roles that are swapped each second.
TEST(BundleThreshold, DoesNotOscillateWhereTheRateWanders) {
  unsigned blocks = kMost;
  unsigned changes = 0;
  for (int second = 0; second < 100; ++second) {
    const BundleUse use{second % 2 == 0 ? 6000.0 : 14000.0, second % 2 == 0 ? 5U : 4U};
    const unsigned to = next_threshold(blocks, use, 2048);
    changes += to != blocks ? 1 : 0;
    blocks = to;
  }
  EXPECT_LE(changes, 2U);
}

TEST(BundleThreshold, OpenBundlesWaitUntilThatHasCostWhatTheyDo) {
  EXPECT_FALSE(have_waited(1, 0, kUsualHandOverS)) << "nothing is open";
  EXPECT_FALSE(have_waited(19 * kUsualHandOverS, 20, kUsualHandOverS));
  EXPECT_TRUE(have_waited(20 * kUsualHandOverS, 20, kUsualHandOverS));
}

}  // namespace
}  // namespace hakmem::learn
