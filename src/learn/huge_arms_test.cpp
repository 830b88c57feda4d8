// Huge arms: dense heaps ask, sparse ones never, and a price makes waiting shorter.
#include "learn/huge_arms.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr CostModel kCosts;
constexpr double kPrice = 0.125;

TEST(HugeArms, ADenseHeapAsks) { EXPECT_TRUE(asks_for_huge({1.0, 1}, kCosts, kPrice)); }

TEST(HugeArms, ASparseHeapNeverDoesHoweverCheapMemoryIs) {
  for (double share = -1; share < 0.95; share += 0.05)
    EXPECT_FALSE(asks_for_huge({share, 0}, kCosts, 0)) << share;
}

TEST(HugeArms, WasteThatIsHeldForLongIsDearerThanFaults) {
  EXPECT_TRUE(asks_for_huge({0.96, 1}, kCosts, kPrice));
  EXPECT_FALSE(asks_for_huge({0.96, 3600}, kCosts, kPrice));
  EXPECT_TRUE(asks_for_huge({1.0, 3600}, kCosts, kPrice)) << "no waste, nothing to pay for";
}

TEST(HugeArms, AMachineWhereHugeFaultsAreDearDoesNotAsk) {
  CostModel slow;
  slow.huge_fault_s = 2e-3;
  EXPECT_FALSE(asks_for_huge({1.0, 1}, slow, kPrice));
}

TEST(HugeArms, OneDearHugeFaultIsEnoughToStop) {
  CostModel costs;
  costs.huge_fault_s = huge_fault_after(costs, 2.3e-3);
  EXPECT_FALSE(asks_for_huge({1.0, 1}, costs, kPrice));
}

// On a machine where they stay dear: all new memory, for a long time.
TEST(HugeArms, AskingAgainCostsAnEighthOfWhatSmallPagesTake) {
  const CostModel costs;
  const double small_s = kSmallPagesInHuge * costs.fault_s;
  for (const double dear_s : {1.01 * small_s, 2e-3, 6e-3, 50e-3}) {
    double debt_s = 0;
    double excess_s = 0;
    int asked = 0;
    int units = 0;
    for (; units < 100'000; ++units) {
      if (debt_s > 0) {
        debt_s = debt_left(debt_s, costs, kHugeBytes);
      } else {
        debt_s = debt_after(debt_s, costs, dear_s);
        excess_s += dear_s - small_s;
        ++asked;
      }
    }
    EXPECT_LE(excess_s, kAskingShare * units * small_s + dear_s) << dear_s;
    EXPECT_GE(asked, units / ((dear_s - small_s) / (kAskingShare * small_s) + 2) - 1) << "it goes on asking: " << dear_s;
  }
}

TEST(HugeArms, CheapHugeFaultsMakeNoDebtAndPayOne) {
  const CostModel costs;
  EXPECT_EQ(debt_after(0, costs, costs.huge_fault_s), 0);
  EXPECT_LT(debt_after(5e-3, costs, costs.huge_fault_s), 5e-3);
  EXPECT_EQ(debt_left(1e-3, costs, 1024 * kHugeBytes), 0);
}

constexpr double kFiftyMiB = 50.0 * kMiB;

TEST(HugeArms, ADenseHeapAsksForAUnitInAProcessThatCanBearItUntouched) {
  EXPECT_TRUE(asks_for_unit({kFiftyMiB, 0, 0, 1.0, 1}, kCosts, kPrice));
  EXPECT_TRUE(asks_for_unit({40.1 * kMiB, 0, 0, 1.0, 1}, kCosts, kPrice));
  EXPECT_FALSE(asks_for_unit({39.9 * kMiB, 0, 0, 1.0, 1}, kCosts, kPrice)) << "2 MiB are more than a twentieth";
}

TEST(HugeArms, UnitsThatNobodyHasSeenSinceMayAllBeUntouched) {
  for (const double resident : {kFiftyMiB, 4 * kFiftyMiB, 20 * kFiftyMiB}) {
    double units = 0;
    while (wastes_little({resident, 100 + units, units, 1.0, 1})) ++units;
    EXPECT_LE(units * kHugeBytes, resident / 20);
    EXPECT_GE((units + 1) * kHugeBytes, resident / 20);
  }
}

TEST(HugeArms, UnitsThatAreNotTouchedWholeAddATwentiethAtMost) {
  for (const double share : {0.8, 0.9, 0.96}) {
    double units = 0;
    while (wastes_little({2 * kFiftyMiB, units, 0, share, 1})) ++units;
    EXPECT_LE((units - 1) * (1 - share) + 1, 2.5 + 1e-9) << share;
    EXPECT_GE(units * (1 - share) + 1, 2.5 - 1e-9) << share;
  }
  EXPECT_FALSE(wastes_little({100 * kFiftyMiB, 0, 0, 0.79, 1}));
}

TEST(HugeArms, AUnitMustBeCheaperToo) {
  CostModel slow;
  slow.huge_fault_s = 2e-3;
  EXPECT_FALSE(asks_for_unit({kFiftyMiB, 0, 0, 1.0, 1}, slow, kPrice));
  EXPECT_FALSE(asks_for_unit({kFiftyMiB, 0, 0, 0.9, 36'000}, kCosts, kPrice)) << "what is not touched is held for ten hours";
}

TEST(HugeArms, CollapsingIsPaidFromWhatAskingSaves) {
  EXPECT_NEAR(collapse_allowance_s(kCosts, 1e-4), (512 * kCosts.fault_s - 1e-4) / 2, 1e-9);
  EXPECT_LT(collapse_allowance_s(kCosts, 2e-3), 0) << "it was dear";
}

TEST(HugeArms, ThePartOfAHugePageWaitsForTheBreakEvenTime) {
  EXPECT_NEAR(hold_before_breaking_ms(kCosts, kPrice, 1e9), 4194, 1);
  EXPECT_NEAR(hold_before_breaking_ms(kCosts, 10 * kPrice, 1e9), 419, 1);
  EXPECT_EQ(hold_before_breaking_ms(kCosts, 0, 600'000), 600'000);
}

}  // namespace
}  // namespace hakmem::learn
