// Release budget: one part in a hundred of the process's time, and the wait that the bill sets.
#include "pages/release_budget.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

constexpr std::uint64_t kMost = ReleaseBudget::kMostNs;

TEST(ReleaseBudget, IsAHundredthOfTheProcesssTime) {
  ReleaseBudget budget;
  budget.look(0, kMost);
  EXPECT_FALSE(budget.is_used_up()) << "what a short command may take";
  std::uint64_t process = 0;
  std::uint64_t released = kMost;
  for (int i = 0; i < 1000; ++i) {
    process += 1'000'000;
    released += 10'000;
    budget.look(process, released);
    ASSERT_FALSE(budget.is_used_up()) << i;
  }
  budget.look(process, released += 1'000'000);
  EXPECT_TRUE(budget.is_used_up());
  budget.look(process += 99'000'000, released);
  EXPECT_TRUE(budget.is_used_up());
  budget.look(process += 1'000'000, released);
  EXPECT_FALSE(budget.is_used_up());
}

TEST(ReleaseBudget, WhatIsNotUsedIsNotSavedUpForEver) {
  ReleaseBudget budget;
  budget.look(1'000'000'000'000, 0);
  budget.look(1'000'000'000'000, kMost + 1);
  EXPECT_TRUE(budget.is_used_up());
}

TEST(ReleaseBudget, AForkedChildDoesNotOweItsParentsTime) {
  ReleaseBudget budget;
  budget.look(1'000'000'000'000, 0);
  budget.look(1'000'000, 0);
  EXPECT_FALSE(budget.is_used_up());
}

TEST(ReleaseBudget, WaitsUntilHoldingHasCostAsMuch) {
  ReleaseBudget budget;
  budget.set_costs(0.065, 0.125);
  EXPECT_EQ(budget.wait_ms(), 0u) << "there is budget left";
  budget.look(0, kMost + 1);
  EXPECT_EQ(budget.wait_ms(), 520u);
  budget.set_costs(0.065, 0);
  EXPECT_EQ(budget.wait_ms(), ReleaseBudget::kMostWaitMs);
}

}  // namespace
}  // namespace hakmem
