// Tests of the arithmetic behind every table: median, spread, verdict, geometric mean.
#include "samples.hpp"

#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

TEST(SpreadOf, OddCountTakesTheMiddleValue) {
  const Spread spread = spread_of({3, 1, 2});
  EXPECT_DOUBLE_EQ(spread.median, 2);
  EXPECT_DOUBLE_EQ(spread.lowest, 1);
  EXPECT_DOUBLE_EQ(spread.highest, 3);
  EXPECT_DOUBLE_EQ(spread.width(), 2);
}

TEST(SpreadOf, EvenCountTakesTheMeanOfTheMiddleTwo) {
  EXPECT_DOUBLE_EQ(spread_of({10, 1, 4, 2}).median, 3);
}

TEST(SpreadOf, NothingIsZero) { EXPECT_DOUBLE_EQ(spread_of({}).median, 0); }

TEST(Judge, LowerWinsWhenLowerIsBetter) {
  const Spread fast{1.0, 0.9, 1.1, 5};
  const Spread slow{2.0, 1.9, 2.1, 5};
  EXPECT_EQ(judge(fast, slow, Better::kLower), Verdict::kOurs);
  EXPECT_EQ(judge(slow, fast, Better::kLower), Verdict::kTheirs);
}

TEST(Judge, HigherWinsWhenHigherIsBetter) {
  const Spread few{10, 9, 11, 5};
  const Spread many{20, 19, 21, 5};
  EXPECT_EQ(judge(many, few, Better::kHigher), Verdict::kOurs);
  EXPECT_EQ(judge(few, many, Better::kHigher), Verdict::kTheirs);
}

TEST(Judge, DifferenceWithinTheWiderSpreadIsATie) {
  const Spread narrow{1.0, 0.99, 1.01, 5};
  const Spread wide{1.4, 1.1, 1.6, 5};
  EXPECT_EQ(judge(narrow, wide, Better::kLower), Verdict::kTie);
  EXPECT_EQ(judge(wide, narrow, Better::kLower), Verdict::kTie);
}

TEST(Judge, EqualValuesTie) {
  EXPECT_EQ(judge(spread_of({1, 1}), spread_of({1, 1}), Better::kLower), Verdict::kTie);
}

TEST(Judge, ASingleMeasurementWinsNothing) {
  EXPECT_EQ(judge(spread_of({1}), spread_of({2}), Better::kLower), Verdict::kTie);
  EXPECT_EQ(judge(spread_of({1, 1}), spread_of({2, 2}), Better::kLower), Verdict::kOurs);
}

TEST(GeometricMean, OfRatiosIsSymmetric) {
  const double ratios[] = {0.5, 2.0};
  EXPECT_DOUBLE_EQ(geometric_mean(ratios), 1.0);
  EXPECT_DOUBLE_EQ(geometric_mean({}), 0);
}

}  // namespace
}  // namespace hakmem::cli
