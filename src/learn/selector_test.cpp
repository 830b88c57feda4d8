// Selectors as properties on synthetic arms: what they converge to, how fast they follow a change,
// and that nothing but seed and events decides.
#include "learn/selector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "learn/elo.hpp"
#include "learn/hindsight.hpp"

namespace hakmem::learn {
namespace {

const BlockCosts kCosts = costs_of(CostModel{}, 0.125, kMiB);

SelectorChoice choice_of(const char* name) {
  SelectorChoice choice;
  EXPECT_TRUE(parse_selector(name, choice)) << name;
  return choice;
}

// One context that decides once a second and sees `per_second` idle times in each.
class OneContext {
 public:
  explicit OneContext(const SelectorChoice& choice) : choice_(choice) {
    start(choice_, kCosts, 1, state_);
  }

  // Returns what the arm in force paid; adds what each arm would have to `all`.
  double reuse_after(double idle_s) {
    Bills bills;
    arm_bills(kCosts, idle_s, true, bills);
    const float paid = bills[index_of(state_.arm)];
    learn(choice_, bills, state_);
    for (std::size_t i = 0; i < kArms; ++i) all_[i] += static_cast<double>(bills[i]);
    return static_cast<double>(paid);
  }

  void still_idle(double idle_s) {
    Bills bills;
    arm_bills(kCosts, idle_s, true, bills);
    learn_open(choice_, bills, 1, state_);
  }

  bool pass_second() { return decide(choice_, now_s_ += 1, 1, state_); }

  double best_fixed() const { return *std::min_element(std::begin(all_), std::end(all_)); }
  double mean_of_arms() const {
    return std::accumulate(std::begin(all_), std::end(all_), 0.0) / static_cast<double>(kArms);
  }
  ArmId arm() const { return state_.arm; }
  const SelectorState& state() const { return state_; }

 private:
  SelectorChoice choice_;
  SelectorState state_;
  double all_[kArms] = {};
  double now_s_ = 0;
};

// Idle times of two kinds: mostly 50 ms, a fifth of them 20 s.
double two_kinds(std::mt19937& random) { return random() % 5 == 0 ? 20 : 0.05; }

double regret_after(const char* selector, unsigned seconds) {
  std::mt19937 random(7);
  OneContext context(choice_of(selector));
  double paid = 0;
  for (unsigned i = 0; i < seconds; ++i) {
    for (unsigned k = 0; k < 10; ++k) paid += context.reuse_after(two_kinds(random));
    context.pass_second();
  }
  return paid - context.best_fixed();
}

double regret_at_random(unsigned seconds) {
  std::mt19937 random(7);
  OneContext context(SelectorChoice{});
  for (unsigned i = 0; i < 10 * seconds; ++i) context.reuse_after(two_kinds(random));
  return context.mean_of_arms() - context.best_fixed();
}

// Releases and refaults: what the bills are counted in.
double cycles(double seconds) { return seconds / kCosts.cycle_s(); }

TEST(Hindsight, RegretGrowsSublinearly) {
  const double early = regret_after("hindsight", 100);
  const double late = regret_after("hindsight", 10000);
  EXPECT_LT(cycles(early), 20);
  EXPECT_LT(late, 10 * early + 20 * kCosts.cycle_s()) << "100 times as long";
}

// Discounting makes it try for ever: its regret is a share of the bill, below that of choosing blindly.
TEST(Ucb1, RegretIsBelowThatOfAnArmAtRandom) {
  EXPECT_LT(regret_after("ucb1", 3000), 0.75 * regret_at_random(3000));
}

TEST(Elo, RegretGrowsSublinearly) {
  const double early = regret_after("elo", 100);
  const double late = regret_after("elo", 10000);
  EXPECT_LT(late, 10 * early + 50 * kCosts.cycle_s()) << "100 times as long";
}

// Pauses first of 2 s (hold), then of 60 s (give back at once), one a second of events: how many
// until the arm in force pays less than 1.2 of giving back at once.
unsigned events_to_follow(const char* selector, unsigned before) {
  OneContext context(choice_of(selector));
  for (unsigned i = 0; i < before; ++i) {
    context.reuse_after(2);
    context.pass_second();
  }
  unsigned events = 0;
  while (events < 10000 && context.reuse_after(60) > 1.2 * kCosts.cycle_s()) {
    context.pass_second();
    ++events;
  }
  return events;
}

TEST(Hindsight, FollowsAChangeWithin100EventsHoweverLongItWasOtherwise) {
  EXPECT_LE(events_to_follow("hindsight", 20), 100u);
  EXPECT_LE(events_to_follow("hindsight", 20000), 100u);
}

TEST(Elo, FollowsAChangeWithin200Events) { EXPECT_LE(events_to_follow("elo", 20000), 200u); }

TEST(Ucb1, FollowsAChangeWithin2000Events) { EXPECT_LE(events_to_follow("ucb1", 5000), 2000u); }

TEST(Hindsight, APauseInProgressCountsOnce) {
  OneContext context(choice_of("hindsight"));
  const Arm before = arm_of(context.arm());
  context.pass_second();
  context.still_idle(300);
  EXPECT_TRUE(context.pass_second());
  EXPECT_LT(arm_of(context.arm()).gone_at, before.gone_at);
  for (const float open : context.state().other) EXPECT_EQ(open, 0);
}

TEST(Hindsight, OneDearPauseOutlivesManyCheapReuses) {
  OneContext context(choice_of("hindsight"));
  for (unsigned i = 0; i < 5; ++i) {
    context.reuse_after(60);
    context.reuse_after(0.005);
  }
  context.pass_second();
  EXPECT_GE(arm_of(context.arm()).gone_at, 0.01f);
  for (unsigned i = 0; i < 100000; ++i) context.reuse_after(1e-5);
  context.pass_second();
  EXPECT_LE(arm_of(context.arm()).gone_at, 0.1f);
}

TEST(Hindsight, BlocksOfOneBurstAreOnePieceOfEvidence) {
  SelectorState alone;
  SelectorState shared;
  const SelectorChoice choice;
  start(choice, kCosts, 1, alone);
  start(choice, kCosts, 32, shared);
  EXPECT_NEAR(static_cast<double>(alone.forgetting), 32 * static_cast<double>(shared.forgetting),
              1e-9);
}

TEST(Hindsight, StartsAtTheBreakEvenTime) {
  const OneContext context(choice_of("hindsight"));
  EXPECT_STREQ(arm_of(context.arm()).name, "4.2s");
}

TEST(Selector, AnArmStaysASecondAndAChangePromises) {
  const SelectorChoice choice;
  SelectorState state;
  start(choice, kCosts, 1, state);
  Bills bills;
  arm_bills(kCosts, 60, true, bills);
  for (unsigned i = 0; i < 30; ++i) learn(choice, bills, state);
  ASSERT_TRUE(decide(choice, 10, 1, state));
  arm_bills(kCosts, 2, true, bills);
  for (unsigned i = 0; i < 300; ++i) learn(choice, bills, state);
  EXPECT_FALSE(decide(choice, 10.9, 1, state));
  EXPECT_TRUE(decide(choice, 11.1, 1, state));
  EXPECT_FALSE(decide(choice, 99, 1, state)) << "nothing new";
}

TEST(Elo, EveryArmMeetsEveryOtherInOneRoundRobin) {
  for (std::size_t a = 0; a < kArms; ++a) {
    std::vector<unsigned> met(kArms, 0);
    constexpr std::uint32_t kRounds = kArms % 2 == 1 ? kArms : kArms + 1;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::size_t b = elo::opponent_of(a, round);
      ASSERT_LT(b, kArms);
      ASSERT_EQ(elo::opponent_of(b, round), a);
      ++met[b];
    }
    for (std::size_t b = 0; b < kArms; ++b) EXPECT_EQ(met[b], 1u) << a << " " << b;
  }
}

TEST(Selector, TheSameSeedAndEventsGiveTheSameArms) {
  for (const char* name : {"hindsight", "ucb1", "elo"}) {
    SelectorChoice choice = choice_of(name);
    choice.seed = 42;
    OneContext one(choice);
    OneContext two(choice);
    std::mt19937 random(3);
    for (unsigned i = 0; i < 2000; ++i) {
      const double idle_s = two_kinds(random);
      one.reuse_after(idle_s);
      two.reuse_after(idle_s);
      one.pass_second();
      two.pass_second();
      ASSERT_EQ(index_of(one.arm()), index_of(two.arm())) << name << " " << i;
    }
  }
}

TEST(Selector, AFixedArmNeverChanges) {
  OneContext context(choice_of("fixed:300ms"));
  for (unsigned i = 0; i < 100; ++i) {
    context.reuse_after(60);
    EXPECT_FALSE(context.pass_second());
  }
  EXPECT_STREQ(arm_of(context.arm()).name, "300ms");
}

TEST(Selector, NamesParse) {
  EXPECT_EQ(choice_of("hindsight").kind, SelectorKind::kHindsight);
  EXPECT_EQ(choice_of("ucb1").kind, SelectorKind::kUcb1);
  EXPECT_EQ(choice_of("elo").kind, SelectorKind::kElo);
  EXPECT_EQ(choice_of("fixed:keep").fixed, kKeep);
  SelectorChoice unchanged;
  unchanged.kind = SelectorKind::kElo;
  for (const char* wrong : {"", "fixed", "fixed:", "fixed:5s", "HINDSIGHT", "ucb2"}) {
    EXPECT_FALSE(parse_selector(wrong, unchanged)) << wrong;
  }
  EXPECT_EQ(unchanged.kind, SelectorKind::kElo);
}

}  // namespace
}  // namespace hakmem::learn
