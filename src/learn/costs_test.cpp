// Costs: a block's constants follow from the model's.
#include "learn/costs.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr double kPrice = 0.125;

TEST(Costs, GrowWithPagesBeyondTheCall) {
  const CostModel model;
  const BlockCosts one = costs_of(model, kPrice, kMiB);
  const BlockCosts four = costs_of(model, kPrice, 4 * kMiB);
  EXPECT_NEAR(one.fault_s, 256 * model.fault_s, 1e-12);
  EXPECT_NEAR(four.fault_s, 4 * one.fault_s, 1e-12);
  EXPECT_NEAR(four.dontneed_s - one.dontneed_s, 768 * model.dontneed_s, 1e-12);
  EXPECT_NEAR(four.hold_rate, kPrice * 4 / 1024, 1e-15);
}

TEST(Costs, BreakEvenHardlyDependsOnTheLength) {
  const CostModel model;
  const double at_1m = costs_of(model, kPrice, kMiB).break_even_s();
  EXPECT_NEAR(at_1m, 4.2, 0.1);
  EXPECT_NEAR(costs_of(model, kPrice, 64 * kMiB).break_even_s(), at_1m, 0.1);
  EXPECT_NEAR(costs_of(model, kPrice * 10, kMiB).break_even_s(), at_1m / 10, 0.01);
}

TEST(Costs, HeldForNothingIsNeverGivenBack) {
  EXPECT_EQ(costs_of(CostModel{}, 0, kMiB).break_even_s(), BlockCosts::kForever);
}

TEST(Costs, HugePagesCostByThe2MiB) {
  CostModel model;
  model.huge_from = 2 * kMiB;
  EXPECT_NEAR(costs_of(model, kPrice, 4 * kMiB).fault_s, 2 * model.huge_fault_s, 1e-12);
  EXPECT_NEAR(costs_of(model, kPrice, kMiB).fault_s, 256 * model.fault_s, 1e-12);
}

}  // namespace
}  // namespace hakmem::learn
