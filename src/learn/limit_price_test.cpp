// Limit price: flat up to half of the limit, then it rises with every step, up to a bound.
#include "learn/limit_price.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr std::size_t kLimit = 1 << 20;
constexpr double kBase = 0.125;

double price(std::size_t use, unsigned stall = 0) {
  return price_under_limit(kBase, use, kLimit, stall);
}

TEST(LimitPrice, IsTheBaseUpToHalfOfTheLimit) {
  for (std::size_t use = 0; use <= kLimit / 2; use += kLimit / 64)
    EXPECT_DOUBLE_EQ(price(use), kBase) << use;
}

TEST(LimitPrice, DoublesWheneverTheRoomHalves) {
  EXPECT_DOUBLE_EQ(price(kLimit - kLimit / 4), 2 * kBase);
  EXPECT_DOUBLE_EQ(price(kLimit - kLimit / 8), 4 * kBase);
  EXPECT_DOUBLE_EQ(price(kLimit - kLimit / 64), 32 * kBase);
}

TEST(LimitPrice, NeverFallsAndIsBounded) {
  double before = 0;
  for (std::size_t use = 0; use <= 2 * kLimit; use += 1024) {
    EXPECT_GE(price(use), before) << use;
    before = price(use);
  }
  EXPECT_DOUBLE_EQ(price(kLimit - 1), kMostPriceRise * kBase);
  EXPECT_DOUBLE_EQ(price(kLimit), kMostPriceRise * kBase);
  EXPECT_DOUBLE_EQ(price(~std::size_t{0}), kMostPriceRise * kBase);
}

TEST(LimitPrice, StallsDoubleItForEachTenthOfTheTime) {
  EXPECT_DOUBLE_EQ(price(0, 9), kBase);
  EXPECT_DOUBLE_EQ(price(0, 10), 2 * kBase);
  EXPECT_DOUBLE_EQ(price(0, 35), 8 * kBase);
  EXPECT_DOUBLE_EQ(price(0, 100), kMostPriceRise * kBase);
}

TEST(LimitPrice, WhatIsFreeStaysFree) {
  EXPECT_DOUBLE_EQ(price_under_limit(0, kLimit, kLimit, 100), 0);
}

}  // namespace
}  // namespace hakmem::learn
