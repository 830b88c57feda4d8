// Arms: what each would have paid, and which one is safe.
#include "learn/arms.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>

namespace hakmem::learn {
namespace {

const BlockCosts kCosts = costs_of(CostModel{}, 0.125, kMiB);

double cost_of(const char* name, double idle_s, bool reused, const Unwatched& unwatched = {}) {
  ArmId arm{};
  EXPECT_TRUE(find_arm(name, arm)) << name;
  return arm_cost(kCosts, idle_s, reused, arm_of(arm), unwatched);
}

TEST(Arms, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kArms; ++i) {
    ArmId found{};
    EXPECT_TRUE(names.insert(kArm[i].name).second) << kArm[i].name;
    ASSERT_TRUE(find_arm(kArm[i].name, found));
    EXPECT_EQ(index_of(found), i);
  }
  ArmId unchanged{7};
  EXPECT_FALSE(find_arm("5s", unchanged));
  EXPECT_EQ(index_of(unchanged), 7u);
  EXPECT_STREQ(arm_of(kKeep).name, "keep");
}

TEST(Arms, LazyComesBeforeGone) {
  for (const Arm& arm : kArm) {
    if (arm.lazy_at != kNever && arm.gone_at != kNever) {
      EXPECT_LT(arm.lazy_at, arm.gone_at) << arm.name;
    }
  }
}

TEST(Arms, KeepPaysForTimeAlone) {
  EXPECT_NEAR(cost_of("keep", 100, true), 100 * kCosts.hold_rate, 1e-12);
  EXPECT_NEAR(cost_of("keep", 100, false), 100 * kCosts.hold_rate, 1e-12);
}

TEST(Arms, AtOncePaysForTheRoundAndNoTime) {
  EXPECT_NEAR(cost_of("0", 100, true), kCosts.cycle_s(), 1e-12);
  EXPECT_NEAR(cost_of("0", 100, false), kCosts.dontneed_s, 1e-12);
}

TEST(Arms, AHoldIsKeepBeforeItsTimeAndPaysOnceAfter) {
  EXPECT_NEAR(cost_of("1s", 0.9, true), 0.9 * kCosts.hold_rate, 1e-12);
  EXPECT_NEAR(cost_of("1s", 1.1, true), kCosts.hold_rate + kCosts.cycle_s(), 1e-9);
  EXPECT_NEAR(cost_of("1s", 99, true), kCosts.hold_rate + kCosts.cycle_s(), 1e-9);
}

TEST(Arms, LazilyFreedPagesArePaidAtTheirShare) {
  CostModel model;
  model.lazy_share = 0.5;
  const BlockCosts half = costs_of(model, 0.125, kMiB);
  ArmId arm{};
  ASSERT_TRUE(find_arm("free:1s,10s", arm));
  const double lazily = arm_cost(half, 5, true, arm_of(arm));
  EXPECT_NEAR(lazily, 3 * half.hold_rate + half.free_s + half.touch_after_free_s, 1e-9);
  const double gone = arm_cost(half, 60, true, arm_of(arm));
  EXPECT_NEAR(gone, 5.5 * half.hold_rate + half.free_s + half.cycle_s(), 1e-9);
}

// Freed, and after 0.1 s nobody looks until 30 s have passed: 5 s before it is used again.
TEST(Arms, WhatIsDueWhileNobodyLooksWaits) {
  constexpr Unwatched kAsleep{0.1, 30};
  EXPECT_NEAR(cost_of("0", 35, true, kAsleep), kCosts.cycle_s(), 1e-12) << "at the free";
  EXPECT_NEAR(cost_of("30ms", 35, true, kAsleep), 0.03 * kCosts.hold_rate + kCosts.cycle_s(), 1e-9) << "before the pause";
  EXPECT_NEAR(cost_of("1s", 35, true, kAsleep), 30 * kCosts.hold_rate + kCosts.cycle_s(), 1e-9) << "at its end";
  EXPECT_NEAR(cost_of("30s", 35, true, kAsleep), 30 * kCosts.hold_rate + kCosts.cycle_s(), 1e-9) << "just when it is due";
  EXPECT_NEAR(cost_of("keep", 35, true, kAsleep), 35 * kCosts.hold_rate, 1e-12);
  const double lazily = 35 * kCosts.hold_rate + kCosts.free_s + kCosts.touch_after_free_s;
  EXPECT_NEAR(cost_of("free:300ms", 35, true, kAsleep), lazily, 1e-9);
}

TEST(Arms, WhatIsUsedAgainBeforeAnybodyLooksWasKept) {
  constexpr Unwatched kAsleep{0, kNever};
  EXPECT_NEAR(cost_of("0", 30, true, kAsleep), kCosts.cycle_s(), 1e-12);
  for (const char* name : {"3ms", "4.2s", "free:30ms", "free:1s,10s", "keep"}) {
    EXPECT_NEAR(cost_of(name, 30, true, kAsleep), 30 * kCosts.hold_rate, 1e-12) << name;
  }
  EXPECT_NEAR(cost_of("free:0,1s", 30, true, kAsleep), 30 * kCosts.lazy_rate + kCosts.free_s + kCosts.touch_after_free_s, 1e-9);
}

TEST(Arms, BillsAreTheCostsOfAllArms) {
  Bills bills;
  arm_bills(kCosts, 2.5, true, bills);
  for (std::size_t i = 0; i < kArms; ++i) {
    const double cost = arm_cost(kCosts, 2.5, true, kArm[i]);
    EXPECT_NEAR(static_cast<double>(bills[i]), cost, 1e-6 * cost) << kArm[i].name;
  }
  constexpr Unwatched kAsleep{0, kNever};
  arm_bills(kCosts, 2.5, true, bills, kAsleep);
  for (std::size_t i = 0; i < kArms; ++i) {
    const double cost = arm_cost(kCosts, 2.5, true, kArm[i], kAsleep);
    EXPECT_NEAR(static_cast<double>(bills[i]), cost, 1e-6 * cost) << kArm[i].name;
  }
}

TEST(Arms, TheClairvoyantIsNeverBeaten) {
  for (double idle_s = 1e-5; idle_s < 1000; idle_s *= 1.3) {
    for (const bool reused : {false, true}) {
      const double bound = clairvoyant_cost(kCosts, idle_s, reused);
      for (const Arm& arm : kArm) {
        EXPECT_GE(arm_cost(kCosts, idle_s, reused, arm), bound * (1 - 1e-9)) << arm.name;
      }
    }
  }
}

TEST(Arms, TheBreakEvenArmIsAtMostAboutTwiceTheClairvoyant) {
  for (const double price : {0.05, 0.125, 1.25}) {
    const BlockCosts costs = costs_of(CostModel{}, price, 4 * kMiB);
    const Arm& arm = arm_of(break_even_arm(costs));
    for (double idle_s = 1e-3; idle_s < 1000; idle_s *= 1.1) {
      const double bound = clairvoyant_cost(costs, idle_s, true);
      EXPECT_LE(arm_cost(costs, idle_s, true, arm), 2.5 * bound) << arm.name << " " << idle_s;
    }
  }
}

}  // namespace
}  // namespace hakmem::learn
