// Hill climber: on synthetic bills it converges, does not oscillate, stops, and wakes when they
// change.
#include "learn/hill_climber.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace hakmem::learn {
namespace {

using Step = HillClimber::Step;

// A valley in each knob, its floor at `best`, of a given depth; noise is relative.
struct Bill {
  int best[2] = {5, 1};
  double slope[2] = {0.08, 0.05};
  double noise = 0.02;
  double drift = 0;  // a interval

  double at(const HillClimber& climber, unsigned interval, std::mt19937& random) const {
    double bill = 1 + drift * interval;
    for (unsigned k = 0; k < 2; ++k) bill += slope[k] * std::abs(climber.level(k) - best[k]);
    return bill * (1 + noise * std::normal_distribution<>()(random));
  }
};

constexpr HillClimber::Knob kKnobs[] = {{0, 6, 2}, {0, 6, 2}};

struct Course {
  unsigned settled_at = 0;  // interval; 0: never
  unsigned kept = 0;
  unsigned level_changes = 0;
  unsigned most_changes_in_one = 0;  // levels that differ after one interval
};

Course run(HillClimber& climber, const Bill& bill, unsigned intervals, unsigned seed) {
  std::mt19937 random(seed);
  Course course;
  for (unsigned i = 1; i <= intervals; ++i) {
    const int before[2] = {climber.level(0), climber.level(1)};
    const Step step = climber.observe(bill.at(climber, i, random));
    course.kept += step == Step::kKept;
    unsigned changes = 0;
    for (unsigned k = 0; k < 2; ++k) changes += climber.level(k) != before[k];
    course.level_changes += changes;
    if (changes > course.most_changes_in_one) course.most_changes_in_one = changes;
    if (climber.is_settled() && course.settled_at == 0) course.settled_at = i;
  }
  return course;
}

TEST(HillClimber, FindsTheFloorAndStops) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    HillClimber climber(kKnobs, 2);
    const Bill bill;
    const Course course = run(climber, bill, 600, seed);
    EXPECT_LE(std::abs(climber.level(0) - bill.best[0]), 1) << seed;
    EXPECT_LE(std::abs(climber.level(1) - bill.best[1]), 1) << seed;
    EXPECT_GT(course.settled_at, 0u) << seed;
    EXPECT_EQ(course.most_changes_in_one, 1u) << seed;
  }
}

TEST(HillClimber, StopsWhereItCannotTellTheDifference) {
  unsigned kept = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    HillClimber climber(kKnobs, 2);
    Bill flat;
    flat.slope[0] = flat.slope[1] = 0;
    flat.noise = 0.05;
    const Course course = run(climber, flat, 1000, seed);
    EXPECT_GT(course.settled_at, 0u) << seed;
    EXPECT_LE(course.settled_at, 400u) << seed;
    kept += course.kept;
  }
  EXPECT_LE(kept, 60u) << "moves for no reason, of some 400 trials";
}

TEST(HillClimber, ASettledOneMovesNoMore) {
  HillClimber climber(kKnobs, 2);
  const Bill bill;
  ASSERT_GT(run(climber, bill, 600, 7).settled_at, 0u);
  EXPECT_EQ(run(climber, bill, 10000, 8).level_changes, 0u);
}

TEST(HillClimber, ASteadyDriftOfTheLoadFoolsItSeldom) {
  unsigned kept = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    HillClimber climber(kKnobs, 2);
    Bill rising;
    rising.slope[0] = rising.slope[1] = 0;
    rising.drift = 0.01;
    kept += run(climber, rising, 400, seed).kept;
  }
  EXPECT_LE(kept, 60u);
}

TEST(HillClimber, WakesWhenThePhaseChangesAndFindsTheNewFloor) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    HillClimber climber(kKnobs, 2);
    Bill bill;
    ASSERT_GT(run(climber, bill, 600, seed).settled_at, 0u) << seed;
    bill.best[0] = 0;
    bill.best[1] = 4;
    run(climber, bill, 900, seed + 100);
    EXPECT_LE(std::abs(climber.level(0) - 0), 1) << seed;
    EXPECT_LE(std::abs(climber.level(1) - 4), 1) << seed;
  }
}

// An adversary that makes whatever is tried look cheap, and whatever is kept dear.
TEST(HillClimber, AnAdversaryMovesOneLevelInFourPairsAtMost) {
  HillClimber climber(kKnobs, 2);
  double last = 1;
  unsigned kept = 0;
  int before = climber.level(0);
  for (unsigned i = 0; i < 1000; ++i) {
    const bool tries = climber.level(0) != before;
    last = tries ? 0.5 : 1;
    if (climber.observe(last) == Step::kKept) {
      ++kept;
      before = climber.level(0);
    }
  }
  EXPECT_LE(kept, 1000 / (2 * HillClimber::kLeastPairs));
}

TEST(HillClimber, StaysWithinItsRanges) {
  HillClimber climber(kKnobs, 2);
  Bill bill;
  bill.best[0] = 12;
  bill.best[1] = -6;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    run(climber, bill, 10, seed);
    for (unsigned k = 0; k < 2; ++k) {
      ASSERT_GE(climber.level(k), kKnobs[k].least);
      ASSERT_LE(climber.level(k), kKnobs[k].most);
    }
  }
  EXPECT_EQ(climber.level(0), kKnobs[0].most);
  EXPECT_LE(climber.level(1), 1);
}

TEST(HillClimber, AKnobThatCannotMoveIsLeftOut) {
  constexpr HillClimber::Knob fixed[] = {{2, 2, 2}};
  HillClimber climber(fixed, 1);
  EXPECT_TRUE(climber.is_settled());
  EXPECT_EQ(climber.observe(1), Step::kNone);
}

}  // namespace
}  // namespace hakmem::learn
