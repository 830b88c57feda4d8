// What is known of pauses in which nobody did what was due.
#include "thread/looks.hpp"

#include <gtest/gtest.h>

#include "os/clock.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {
namespace {

constexpr std::uint64_t kStart = 1'000'000;

// Somebody looks every millisecond until then.
void look_until(Looks& looks, std::uint64_t from_ms, std::uint64_t to_ms) {
  for (std::uint64_t now = from_ms; now <= to_ms; ++now) looks.note(kStart + now);
}

void expect_pause(const Looks& looks, std::uint64_t since_ms, std::uint64_t now_ms, Looks::Pause wanted) {
  const Looks::Pause found = looks.first_long_since(kStart + since_ms, kStart + now_ms);
  EXPECT_EQ(found.from_ms, wanted.from_ms) << since_ms << " to " << now_ms;
  EXPECT_EQ(found.to_ms, wanted.to_ms) << since_ms << " to " << now_ms;
}

TEST(Looks, ThereIsNoPauseBeforeTheFirstOne) {
  const Looks looks;
  expect_pause(looks, 0, 60'000, {0, 0});
}

TEST(Looks, ThereIsNoPauseWhileSomebodyLooks) {
  Looks looks;
  look_until(looks, 0, 5000);
  expect_pause(looks, 0, 5000, {0, 0});
  expect_pause(looks, 4000, 5000, {0, 0});
  expect_pause(looks, 0, 5000 + Looks::kLeastMs - 1, {0, 0});
}

TEST(Looks, APauseGoesOnUntilSomebodyLooks) {
  Looks looks;
  look_until(looks, 0, 100);
  expect_pause(looks, 0, 30'100, {100, Looks::kOpen});
  expect_pause(looks, 100, 30'100, {0, Looks::kOpen});
  expect_pause(looks, 20'000, 30'100, {0, Looks::kOpen});
  looks.note(kStart + 30'100);
  expect_pause(looks, 0, 30'100, {100, 30'100});
  expect_pause(looks, 20'000, 30'100, {0, 10'100});
}

TEST(Looks, AMuchLongerOneCountsWhetherItHasEndedOrNot) {
  Looks looks;
  look_until(looks, 0, 100);
  look_until(looks, 30'100, 40'000);
  look_until(looks, 41'000, 41'500);
  expect_pause(looks, 0, 42'000, {100, 30'100});
  expect_pause(looks, 31'000, 42'000, {9'000, 10'000});
  expect_pause(looks, 31'000, 43'000, {9'000, 10'000});
  expect_pause(looks, 31'000, 45'000, {10'500, Looks::kOpen});
  expect_pause(looks, 41'200, 41'400, {0, 0});
}

// What was due after the first had waited for its end, and for no other.
TEST(Looks, OfPausesOfAboutOneLengthTheFirstCounts) {
  Looks looks;
  look_until(looks, 0, 100);
  look_until(looks, 1100, 2000);
  look_until(looks, 2900, 3000);
  look_until(looks, 4050, 4100);
  expect_pause(looks, 50, 4100, {50, 1050});
  expect_pause(looks, 1500, 4100, {500, 1400});
  expect_pause(looks, 1500, 5200, {500, 1400});
}

TEST(Looks, FourOfALengthAreKnown) {
  Looks looks;
  look_until(looks, 0, 100);
  for (std::uint64_t i = 1; i <= 6; ++i) looks.note(kStart + 100 + i * 1000);
  expect_pause(looks, 50, 6100, {2050, 3050});
}

TEST(Looks, WhoLookedMeanwhileLeavesNoPause) {
  Looks looks;
  look_until(looks, 0, 100);
  looks.begin(kStart + 30'000);
  looks.note(kStart + 30'001);
  expect_pause(looks, 0, 30'001, {0, 0});
}

TEST(Looks, ThereIsNoPauseWhileTheBackgroundThreadRuns) {
  boot();
  os::stop_clock_for_test();
  constexpr std::uint64_t kSleep = 60'000;
  const std::uint64_t start = os::now_ms();
  looks.begin(start);
  os::advance_clock_for_test(kSleep);
  start_background();
  ASSERT_TRUE(background_runs());
  const std::uint64_t started = os::now_ms();
  const Looks::Pause before = looks.first_long_since(start, started);
  EXPECT_EQ(before.from_ms, 0u);
  EXPECT_EQ(before.to_ms, kSleep) << "it has ended";
  os::advance_clock_for_test(kSleep);
  EXPECT_EQ(looks.note(os::now_ms()), 0u);
  ASSERT_TRUE(pause_background());
  EXPECT_EQ(looks.note(os::now_ms()), 0u);
  EXPECT_EQ(looks.first_long_since(started, os::now_ms()).to_ms, 0u);
  os::start_clock_for_test();
}

TEST(Looks, TimeNeverGoesBack) {
  Looks looks;
  look_until(looks, 0, 100);
  looks.note(kStart + 50);
  looks.note(kStart + 101);
  expect_pause(looks, 0, 101, {0, 0});
  expect_pause(looks, 200, 150, {0, 0});
}

TEST(Looks, APauseOfADayCounts) {
  Looks looks;
  look_until(looks, 0, 100);
  constexpr std::uint64_t kDay = 86'400'000;
  EXPECT_EQ(looks.note(kStart + kDay), kDay - 100);
  expect_pause(looks, 50, kDay, {0, kDay - 50});
}

TEST(Looks, WhoEndsAPauseKnowsHowLongItWas) {
  Looks looks;
  EXPECT_EQ(looks.note(kStart), 0u);
  EXPECT_EQ(looks.note(kStart + Looks::kLeastMs - 1), 0u);
  EXPECT_EQ(looks.note(kStart + 500), 500 - Looks::kLeastMs + 1);
  EXPECT_EQ(looks.note(kStart + 500), 0u);
}

}  // namespace
}  // namespace hakmem
