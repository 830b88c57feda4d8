// Policies: what each pays on histories small enough to work out by hand, and what always holds.
#include "policies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "base/units.hpp"
#include "trace_builder.hpp"
#include "trace_file.hpp"
#include "trace_generate.hpp"

namespace hakmem::cli {
namespace {

// One block of 1 MiB, used at 0 s, 2 s and 30 s for 1 ms.
LargeHistory three_uses() {
  TraceBuilder builder(1);
  for (const double at_s : {0.0, 2.0, 30.0}) builder.block(at_s, at_s + 0.001, kMiB);
  return large_history_of(builder.finish(31));
}

constexpr double kWaits_s = 1.999 + 27.999;
constexpr double kTail_s = 0.999;

learn::BlockCosts costs_of_1m() { return learn::costs_of({}, Pricing{}.price, kMiB); }

TEST(Policies, KeepPaysForEverySecond) {
  const Outcome outcome = run_policy("fixed:keep", three_uses(), {});
  EXPECT_NEAR(outcome.bill_s(), (kWaits_s + kTail_s) * costs_of_1m().hold_rate, 1e-9);
  EXPECT_EQ(outcome.releases, 0u);
  EXPECT_EQ(outcome.refaults, 0u);
  EXPECT_EQ(outcome.peak_held_bytes, kMiB);
}

TEST(Policies, AtOncePaysForEveryUse) {
  const Outcome outcome = run_policy("fixed:0", three_uses(), {});
  const learn::BlockCosts costs = costs_of_1m();
  EXPECT_NEAR(outcome.bill_s(), 2 * costs.cycle_s() + costs.dontneed_s, 1e-9);
  EXPECT_EQ(outcome.releases, 3u);
  EXPECT_EQ(outcome.refaults, 2u);
  EXPECT_EQ(outcome.idle_gib_s, 0);
}

TEST(Policies, TheClairvoyantTakesTheBetterOfBothEachTime) {
  const learn::BlockCosts costs = costs_of_1m();
  const double wanted = 1.999 * costs.hold_rate + costs.cycle_s() +
                        std::min(kTail_s * costs.hold_rate, costs.dontneed_s);
  EXPECT_NEAR(run_policy("clairvoyant", three_uses(), {}).bill_s(), wanted, 1e-9);
}

TEST(Policies, LowWaterReleasesWhatASecondDidNotNeed) {
  // Free from 0.001: the second from 1 to 2 s does not need it; nor does that from 3 to 4 s.
  const Outcome outcome = run_policy("low-water", three_uses(), {});
  EXPECT_EQ(outcome.releases, 2u);
  EXPECT_EQ(outcome.refaults, 2u);
  const double held_s = 1.999 + 1.999 + kTail_s;
  EXPECT_NEAR(outcome.idle_gib_s, held_s / 1024, 1e-9);
}

TEST(Policies, WindowedPeakWaitsForTenSeconds) {
  const Outcome outcome = run_policy("peak", three_uses(), {});
  EXPECT_EQ(outcome.releases, 1u);
  EXPECT_GE(outcome.idle_gib_s, (1.999 + 10) / 1024);
  EXPECT_LE(outcome.idle_gib_s, (1.999 + 12 + kTail_s) / 1024);
}

LargeHistory five_uses(double bytes) {
  TraceBuilder builder(1);
  for (unsigned i = 0; i < 5; ++i) builder.block(i, i + 0.5, bytes);
  return large_history_of(builder.finish(6));
}

TEST(Policies, GlibcUnmapsTheFirstBlockOfASizeAndKeepsTheNext) {
  const Outcome outcome = run_policy("glibc", five_uses(kMiB), {});
  EXPECT_EQ(outcome.releases, 1u);
  EXPECT_EQ(outcome.refaults, 1u);
  EXPECT_EQ(run_policy("glibc", five_uses(100.0 * kKiB), {}).releases, 0u) << "below the threshold";
  EXPECT_EQ(run_policy("glibc", five_uses(64.0 * kMiB), {}).releases, 5u) << "beyond its reach";
}

TEST(Policies, GlibcTrimsAHeapWithMoreThanTwiceTheThresholdIdle) {
  TraceBuilder builder(1);
  for (unsigned i = 0; i < 5; ++i) builder.block(0, 1 + i, 64.0 * kKiB);
  const Outcome outcome = run_policy("glibc", large_history_of(builder.finish(9)), {});
  EXPECT_EQ(outcome.releases, 5u) << "the fifth makes it 320 KiB";
  EXPECT_NEAR(outcome.idle_gib_s, (4 + 3 + 2 + 1) / 16384.0, 1e-9);
}

TEST(Policies, AFixedArmIsWhatTheArmCosts) {
  const LargeHistory history = large_history_of(generate_trace("spikes", 3));
  const std::vector<double> bills = fixed_arm_bills(history, {});
  for (std::size_t i = 0; i < learn::kArms; ++i) {
    const Outcome outcome = run_fixed_arm(history, {}, learn::kArm[i]);
    EXPECT_NEAR(outcome.bill_s() / bills[i], 1, 1e-6) << learn::kArm[i].name;
  }
  const double least = *std::min_element(bills.begin(), bills.end());
  EXPECT_NEAR(run_policy("best", history, {}).bill_s() / least, 1, 1e-6);
}

TEST(Policies, NoneBeatsTheClairvoyant) {
  const LargeHistory history = large_history_of(generate_trace("phases", 2));
  const double bound = run_policy("clairvoyant", history, {}).bill_s();
  for (const std::string& policy : default_policies()) {
    EXPECT_GE(run_policy(policy, history, {}).bill_s(), bound * (1 - 1e-9)) << policy;
  }
}

TEST(Policies, ALearnerThatMayNotChooseIsThatArm) {
  const LargeHistory history = large_history_of(generate_trace("phases", 2));
  for (const char* arm : {"fixed:1s", "fixed:keep", "fixed:0", "fixed:free:300ms,4.2s"}) {
    const Outcome learner = run_selector(history, {}, arm);
    const Outcome fixed = run_policy(arm, history, {});
    EXPECT_NEAR(learner.bill_s() / fixed.bill_s(), 1, 1e-6) << arm;
    EXPECT_EQ(learner.releases, fixed.releases) << arm;
    EXPECT_EQ(learner.peak_held_bytes, fixed.peak_held_bytes) << arm;
  }
}

TEST(Policies, TheSameSeedGivesTheSameBill) {
  const LargeHistory history = large_history_of(generate_trace("drift", 5));
  for (const char* policy : {"hindsight", "ucb1", "elo"}) {
    EXPECT_EQ(run_policy(policy, history, {}).bill_s(), run_policy(policy, history, {}).bill_s());
  }
}

TEST(Policies, NamesThatAreNone) {
  EXPECT_FALSE(is_policy("fixed:5s"));
  EXPECT_FALSE(is_policy("lowwater"));
  EXPECT_THROW(run_policy("nothing", three_uses(), {}), std::invalid_argument);
}

// What the learner is for: within 1.05 of the best fixed arm on traces of every kind, without being
// told which arm that is. A hundredth more is left for other machines' exp and log in the traces.
class Hindsight : public testing::TestWithParam<std::string> {};

TEST_P(Hindsight, StaysCloseToTheBestFixedArm) {
  const LargeHistory history = large_history_of(generate_trace(GetParam(), 1));
  for (const double price : {0.0125, 0.125, 1.25}) {
    const Pricing pricing{.costs = {}, .price = price};
    const std::vector<double> bills = fixed_arm_bills(history, pricing);
    const double best = *std::min_element(bills.begin(), bills.end());
    EXPECT_LE(run_policy("hindsight", history, pricing).bill_s(), 1.06 * best) << "at " << price;
  }
}

std::vector<std::string> names_of_generated_traces() {
  std::vector<std::string> names;
  for (const GeneratedTrace& trace : generated_traces()) names.emplace_back(trace.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Generated, Hindsight, testing::ValuesIn(names_of_generated_traces()));

// Short programs end before anything is learned: first guesses decide (src/learn/first_guess.hpp).
TEST(FirstGuesses, SuitShortRecordedPrograms) {
  double log_sum = 0;
  unsigned rows = 0;
  for (const char* name : {"clang", "convert", "node", "python", "redis", "sort", "sqlite"}) {
    const std::string file = std::string(HAKMEM_TRACES) + "/" + name + ".trace.gz";
    const LargeHistory history = large_history_of(read_trace(file));
    for (const double price : {0.0125, 0.125, 1.25}) {
      const Pricing pricing{.costs = {}, .price = price};
      const std::vector<double> bills = fixed_arm_bills(history, pricing);
      const double best = *std::min_element(bills.begin(), bills.end());
      const double ratio = run_policy("hindsight", history, pricing).bill_s() / best;
      EXPECT_LE(ratio, 1.5) << name << " at " << price;
      log_sum += std::log(ratio);
      ++rows;
    }
  }
  EXPECT_LE(std::exp(log_sum / rows), 1.03);
}

}  // namespace
}  // namespace hakmem::cli
