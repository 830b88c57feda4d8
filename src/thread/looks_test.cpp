// What is known of pauses in which nobody did what was due.
#include "thread/looks.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

constexpr std::uint64_t kStart = 1'000'000;

// Somebody looks every millisecond until then.
void look_until(Looks& looks, std::uint64_t from_ms, std::uint64_t to_ms) {
  for (std::uint64_t now = from_ms; now <= to_ms; ++now) looks.note(kStart + now);
}

void expect_longest(const Looks& looks, std::uint64_t since_ms, std::uint64_t now_ms, Looks::Pause wanted) {
  const Looks::Pause found = looks.longest_since(kStart + since_ms, kStart + now_ms);
  EXPECT_EQ(found.from_ms, wanted.from_ms) << since_ms << " to " << now_ms;
  EXPECT_EQ(found.to_ms, wanted.to_ms) << since_ms << " to " << now_ms;
}

TEST(Looks, ThereIsNoPauseBeforeTheFirstOne) {
  const Looks looks;
  expect_longest(looks, 0, 60'000, {0, 0});
}

TEST(Looks, ThereIsNoPauseWhileSomebodyLooks) {
  Looks looks;
  look_until(looks, 0, 5000);
  expect_longest(looks, 0, 5000, {0, 0});
  expect_longest(looks, 4000, 5000, {0, 0});
  expect_longest(looks, 0, 5000 + Looks::kLeastMs - 1, {0, 0});
}

TEST(Looks, APauseGoesOnUntilSomebodyLooks) {
  Looks looks;
  look_until(looks, 0, 100);
  expect_longest(looks, 0, 30'100, {100, Looks::kOpen});
  expect_longest(looks, 100, 30'100, {0, Looks::kOpen});
  expect_longest(looks, 20'000, 30'100, {0, Looks::kOpen});
  looks.note(kStart + 30'100);
  expect_longest(looks, 0, 30'100, {100, 30'100});
  expect_longest(looks, 20'000, 30'100, {0, 10'100});
}

TEST(Looks, TheLongestCountsWhetherItHasEndedOrNot) {
  Looks looks;
  look_until(looks, 0, 100);
  look_until(looks, 30'100, 40'000);
  look_until(looks, 41'000, 41'500);
  expect_longest(looks, 0, 42'000, {100, 30'100});
  expect_longest(looks, 31'000, 42'000, {9'000, 10'000});
  expect_longest(looks, 31'000, 43'000, {10'500, Looks::kOpen});
  expect_longest(looks, 41'200, 41'400, {0, 0});
}

TEST(Looks, OfPausesOfOneLengthTheLatestCounts) {
  Looks looks;
  look_until(looks, 0, 100);
  look_until(looks, 1100, 2000);
  look_until(looks, 2900, 3000);
  expect_longest(looks, 50, 3000, {1950, 2850});
}

TEST(Looks, WhoLookedMeanwhileLeavesNoPause) {
  Looks looks;
  look_until(looks, 0, 100);
  looks.begin(kStart + 30'000);
  looks.note(kStart + 30'001);
  expect_longest(looks, 0, 30'001, {0, 0});
}

TEST(Looks, TimeNeverGoesBack) {
  Looks looks;
  look_until(looks, 0, 100);
  looks.note(kStart + 50);
  looks.note(kStart + 101);
  expect_longest(looks, 0, 101, {0, 0});
  expect_longest(looks, 200, 150, {0, 0});
}

TEST(Looks, APauseOfHoursCounts) {
  Looks looks;
  look_until(looks, 0, 100);
  constexpr std::uint64_t kDay = 86'400'000;
  looks.note(kStart + kDay);
  const Looks::Pause found = looks.longest_since(kStart, kStart + kDay);
  EXPECT_EQ(found.to_ms, kDay);
  EXPECT_GE(found.to_ms - found.from_ms, kDay / 6) << "as far as it is told";
}

}  // namespace
}  // namespace hakmem
