// Known costs: single faults count until pages have been measured, and one that took long counts for a step only.
#include "thread/known_costs.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

class KnownCosts : public testing::Test {
 protected:
  void SetUp() override {
    boot_known_costs(false);
    know_small_pages(learn::CostModel{});
  }
  void TearDown() override { know_small_pages(learn::CostModel{}); }
};

TEST_F(KnownCosts, FaultsThatTakeLongerBringTheFigureThereStepByStep) {
  const double usual = learn::CostModel{}.fault_s;
  know_fault(1);
  EXPECT_DOUBLE_EQ(known_costs().fault_s, usual * 1.5) << "one may be chance";
  for (int i = 0; i < 20; ++i) know_fault(6 * usual);
  EXPECT_NEAR(known_costs().fault_s, 6 * usual, usual / 100);
  EXPECT_NEAR(known_costs().populate_s, 6 * learn::CostModel{}.populate_s, usual / 100);
}

TEST_F(KnownCosts, FaultsThatTakeLessDoSoAtOnce) {
  const double usual = learn::CostModel{}.fault_s;
  for (int i = 0; i < 4; ++i) know_fault(usual / 4);
  EXPECT_NEAR(known_costs().fault_s, usual / 4, usual / 16);
}

}  // namespace
}  // namespace hakmem
