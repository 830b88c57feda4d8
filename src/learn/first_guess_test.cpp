// First guess: cold where nothing came back, warm where it did, patient while the process is young.
#include "learn/first_guess.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace hakmem::learn {
namespace {

const BlockCosts kCosts = costs_of(CostModel{}, 0.125, kMiB);
const GuessTimes kTimes = guess_times(kCosts);

TEST(FirstGuess, GivingBackAloneIsWorthAnEighthOfTheBreakEvenTime) {
  EXPECT_NEAR(static_cast<double>(kTimes.break_even_s), 4.2, 0.1);
  EXPECT_NEAR(static_cast<double>(kTimes.break_even_s / kTimes.giving_back_s), 8, 0.2);
}

TEST(FirstGuess, AYoungProcessHoldsForTheBreakEvenTimeWhateverCameBack) {
  const double young_s = 0.9 * static_cast<double>(kTimes.giving_back_s);
  for (const float share : {0.0f, 0.5f, 1.0f}) {
    EXPECT_EQ(guess_hold_s(kTimes, share, young_s), kTimes.break_even_s);
  }
}

TEST(FirstGuess, HoldsTheLongerTheMoreCameBack) {
  float before_s = 0;
  for (float share = 0; share <= 1; share += 0.05f) {
    const float hold_s = guess_hold_s(kTimes, share, 3600);
    EXPECT_GE(hold_s, before_s);
    EXPECT_LE(hold_s, kTimes.break_even_s);
    before_s = hold_s;
  }
  EXPECT_NEAR(static_cast<double>(guess_hold_s(kTimes, 1, 3600) / kTimes.break_even_s), 1, 1e-6);
  EXPECT_LE(guess_hold_s(kTimes, 0, 3600), kTimes.giving_back_s / 8);
  EXPECT_GT(guess_hold_s(kTimes, 0, 3600), 0);
}

TEST(FirstGuess, HalfOfTheFirstBlocksIsExpectedBackUntilSomeAre) {
  Turnover first{};
  first.note_freed();
  EXPECT_FLOAT_EQ(pooled_share(first), 0.5f);
  for (unsigned i = 0; i < 98; ++i) first.note_freed();
  EXPECT_FLOAT_EQ(pooled_share(first), 0.01f);
}

TEST(FirstGuess, AContextsOwnBlocksOutweighThePool) {
  Turnover own{};
  for (unsigned i = 0; i < 50; ++i) {
    own.note_freed();
    own.note_reused();
  }
  EXPECT_GT(share_used_again(own, 0), 0.97f);
  Turnover none{};
  for (unsigned i = 0; i < 50; ++i) none.note_freed();
  EXPECT_LT(share_used_again(none, 1), 0.03f);
}

TEST(FirstGuess, ReusesCountedTogetherNeverPassWhatWasFreed) {
  Turnover turnover{};
  for (unsigned i = 0; i < 72; ++i) turnover.note_freed();
  turnover.note_reused(64);
  EXPECT_EQ(turnover.reused, 64u);
  turnover.note_reused(64);
  EXPECT_EQ(turnover.reused, 72u);
}

TEST(FirstGuess, ASharesCountsNeverOverflowAndNeverPassOne) {
  Turnover turnover{};
  for (unsigned i = 0; i < 3'000'000; ++i) {
    turnover.note_freed();
    if (i % 2 == 0) turnover.note_reused();
  }
  EXPECT_NEAR(static_cast<double>(share_used_again(turnover, 0)), 0.5, 0.01);
  for (unsigned i = 0; i < 3'000'000; ++i) turnover.note_reused();
  EXPECT_LE(share_used_again(turnover, 1), 1.0f);
}

TEST(FirstGuess, WithoutAPriceNothingIsGivenBack) {
  const GuessTimes times = guess_times(costs_of(CostModel{}, 0, kMiB));
  EXPECT_EQ(guess_hold_s(times, 0, 1e6), times.break_even_s);
}

}  // namespace
}  // namespace hakmem::learn
