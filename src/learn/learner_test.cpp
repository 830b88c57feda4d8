// Learner: contexts are told apart, regret is accounted, and published arms are those in force.
#include "learn/learner.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace hakmem::learn {
namespace {

constexpr unsigned kClass = 16;  // 1 MiB
constexpr double kPrice = 0.125;

// Holding a block for so long costs 2 % of giving it back and taking it again: no arm in force
// makes way for so little.
constexpr float kAsGoodAsAtOnce = 0.1f;

std::unique_ptr<Learner> new_learner(const char* selector = "hindsight") {
  SelectorChoice choice;
  EXPECT_TRUE(parse_selector(selector, choice));
  return std::make_unique<Learner>(CostModel{}, kPrice, choice);
}

TEST(Learner, DeepBlocksGetAnArmOfTheirOwn) {
  const auto learner = new_learner();
  const ContextId deep = learner->context_of(kClass, 0, 0);
  const ContextId near = learner->context_of(kClass, 40, 0);
  for (unsigned second = 1; second < 60; ++second) {
    learner->observe(deep, kMiB, 60);
    learner->observe(near, kMiB, 1.5);
    learner->decide(second);
  }
  EXPECT_LE(arm_of(learner->arm_of(deep)).gone_at, kAsGoodAsAtOnce);
  EXPECT_GE(arm_of(learner->arm_of(near)).gone_at, 2.0f);
  EXPECT_LT(learner->regret().regret_s(), 0) << "no single arm does as well";
}

TEST(Learner, SitesGetAnArmOfTheirOwn) {
  const auto learner = new_learner();
  for (unsigned second = 1; second < 100; ++second) {
    learner->observe(learner->context_of(kClass, 0, 1), kMiB, 1.5);
    learner->observe_site(kClass, 1, 1.5);
    learner->observe(learner->context_of(kClass, 0, 2), kMiB, 90);
    learner->observe_site(kClass, 2, 90);
    learner->decide(second);
  }
  ASSERT_TRUE(learner->is_split(kClass));
  EXPECT_GE(arm_of(learner->arm_of(learner->context_of(kClass, 0, 1))).gone_at, 2.0f);
  EXPECT_LE(arm_of(learner->arm_of(learner->context_of(kClass, 0, 2))).gone_at, kAsGoodAsAtOnce);
}

TEST(Learner, BlocksStillIdleChangeTheArm) {
  const auto learner = new_learner();
  const ContextId context = learner->context_of(kClass, 3, 0);
  learner->observe_idle(context, kMiB, 600, 4);
  EXPECT_TRUE(learner->decide(1));
  EXPECT_LT(arm_of(learner->arm_of(context)).gone_at, 1.0f);
}

// Blocks of a kind that was never used before, freed when the process is ten seconds old.
float first_hold_s(Learner& learner, std::size_t blocks) {
  learner.decide(10);
  ContextId context{};
  for (std::size_t i = 0; i < blocks; ++i) context = learner.context_of(kClass, i, 0);
  return arm_of(learner.arm_of(context)).gone_at;
}

TEST(Learner, BlocksThatNothingSpeaksForGoSoonerTheMoreTheyAre) {
  const float one_s = first_hold_s(*new_learner(), 1);
  const float many_s = first_hold_s(*new_learner(), 512);
  EXPECT_LT(one_s, 4.2f);
  EXPECT_GE(one_s, 0.3f);
  EXPECT_LE(many_s, 0.1f);
}

TEST(Learner, TheFirstReuseEndsTheGuessAtOnce) {
  const auto learner = new_learner();
  first_hold_s(*learner, 512);
  const ContextId context = learner->context_of(kClass, 600, 0);
  for (unsigned i = 0; i < 600; ++i) learner->note_reused(context);
  learner->observe(context, kMiB, 2);
  EXPECT_GE(arm_of(learner->arm_of(context)).gone_at, 2.0f);
}

// A spike of two hundred blocks, the first of which comes back: the rest are about to.
TEST(Learner, TheFirstReuseSpeaksForTheBlocksBelowIt) {
  const auto learner = new_learner();
  first_hold_s(*learner, 200);
  const ContextId context = learner->context_of(kClass, 199, 0);
  EXPECT_LE(arm_of(learner->arm_of(context)).gone_at, 0.1f);
  learner->note_reused(context);
  learner->observe(context, kMiB, 0.3);
  EXPECT_GE(arm_of(learner->arm_of(context)).gone_at, 2.0f);
}

TEST(Learner, FirstBlocksThatCameBackSpeakForThoseOfOtherClasses) {
  const auto learner = new_learner();
  learner->decide(10);
  for (unsigned size_class = 0; size_class < 40; ++size_class) {
    const ContextId context = learner->context_of(size_class, 0, 0);
    learner->note_reused(context);
    learner->observe(context, large_class_bytes(size_class), 1);
  }
  EXPECT_GE(arm_of(learner->arm_of(learner->context_of(41, 0, 0))).gone_at, 1.0f);
}

// Half a second between uses, and now and then a minute. Who looks all the time holds for a while; where nobody does, only what
// goes at once goes.
TEST(Learner, WhereNobodyLooksItHoldsForeverOrNotAtAll) {
  const auto hold_s = [](const Unwatched& unwatched) {
    const auto learner = new_learner();
    const ContextId context = learner->context_of(kClass, 0, 0);
    for (unsigned i = 1; i < 60; ++i) {
      if (i % 4 == 0) learner->observe(context, kMiB, 60, unwatched);
      else learner->observe(context, kMiB, 0.5);
      learner->decide(i);
    }
    return arm_of(learner->arm_of(context)).gone_at;
  };
  EXPECT_GE(hold_s({}), 0.5f);
  EXPECT_LE(hold_s({}), 4.2f);
  EXPECT_EQ(hold_s({0, kNever}), 0.0f);
  EXPECT_EQ(hold_s({0.001, 60}), 0.0f);
  EXPECT_LE(hold_s({10, 60}), 4.2f) << "it was watched for long enough";
}

TEST(Learner, BlocksThatWaitUnwatchedSpeakForTheirArms) {
  const auto learner = new_learner();
  const ContextId context = learner->context_of(kClass, 0, 0);
  for (unsigned i = 0; i < 10; ++i) learner->observe(context, kMiB, 0.5);
  learner->observe_idle(context, kMiB, 600, 4, {0, 600});
  learner->decide(1);
  EXPECT_EQ(arm_of(learner->arm_of(context)).gone_at, 0.0f);
}

TEST(Learner, RegretIsAgainstTheBestFixedArm) {
  const auto learner = new_learner("fixed:keep");
  const ContextId context = learner->context_of(kClass, 0, 0);
  for (unsigned i = 0; i < 10; ++i) learner->observe(context, kMiB, 100);
  const BlockCosts costs = costs_of(CostModel{}, kPrice, kMiB);
  EXPECT_STREQ(arm_of(learner->regret().best_fixed()).name, "0");
  EXPECT_NEAR(learner->regret().regret_s(), 10 * (100 * costs.hold_rate - costs.cycle_s()), 1e-6);
}

TEST(Learner, ATableThatIsFullStillLearns) {
  const auto learner = new_learner();
  for (unsigned size_class = 0; size_class < kLargeClasses; ++size_class) {
    for (std::size_t position = 0; position < 5000; position = position * 2 + 1) {
      const ContextId context = learner->context_of(size_class, position, 0);
      learner->observe(context, large_class_bytes(size_class), 1);
    }
  }
  EXPECT_EQ(learner->contexts(), ContextTable::kSlots);
  learner->decide(1);
}

}  // namespace
}  // namespace hakmem::learn
