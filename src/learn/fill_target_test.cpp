// Fill targets and allowances: up with churn, down with idleness, and nothing for what happens
// once.
#include "learn/fill_target.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr std::size_t kMost = 16 * kMiB;
constexpr std::size_t kLeast = 256 * kKiB;

TEST(FillTarget, FallsWithIdlenessAndNotBefore) {
  ClassDemand demand;
  unsigned fill = 128;
  for (int look = 0; look < 20; ++look) {
    demand = look_at(demand, true);
    fill = next_fill(fill, demand, 8);
  }
  EXPECT_EQ(fill, 128u);
  for (int look = 0; look < 20; ++look) {
    demand = look_at(demand, false);
    fill = next_fill(fill, demand, 8);
  }
  EXPECT_EQ(fill, 8u);
}

TEST(FillTarget, AClassThatAppearsOnceGoesHomeOnce) {
  ClassDemand demand;
  demand.misses = 1;
  demand = look_at(demand, true);
  int homecomings = 0;
  for (int look = 0; look < 1000; ++look) {
    demand = look_at(demand, false);
    homecomings += goes_home(demand) ? 1 : 0;
  }
  EXPECT_EQ(homecomings, 1);
}

TEST(FillTarget, AnyEventEndsAQuietSpell) {
  ClassDemand demand;
  for (unsigned look = 0; look + 1 < kQuietLooks; ++look) demand = look_at(demand, false);
  demand.misses = 1;
  demand = look_at(demand, false);
  EXPECT_EQ(demand.quiet, 0);
  EXPECT_EQ(demand.misses, 0);
}

TEST(Allowance, GrowsByChurnOnly) {
  const Allowance a{kMiB, 0, 0, 0};
  EXPECT_EQ(grown_allowance(a, false, 4096, kMost), kMiB) << "blocks that nobody asks for again";
  EXPECT_EQ(grown_allowance(a, true, 4096, kMost), 2 * kMiB);
  EXPECT_EQ(grown_allowance({0, 0, 0, 0}, true, 4096, kMost), 4096u);
  EXPECT_EQ(grown_allowance({kMost, 0, 0, 0}, true, 4096, kMost), kMost);
  EXPECT_EQ(grown_allowance({kMiB, 0, 0, 0}, true, 4096, 100), kMiB) << "never taken away here";
}

TEST(Allowance, ChangesABoundedNumberOfTimesBetweenLooks) {
  Allowance a{kKiB, 0, 0, 0};
  unsigned changes = 0;
  for (int overflow = 0; overflow < 10000; ++overflow) {
    const std::size_t next = grown_allowance(a, true, kKiB, kMost);
    if (next == a.bytes) continue;
    a.bytes = next;
    ++a.grown;
    ++changes;
  }
  EXPECT_EQ(changes, kMostGrowth);
}

// Phases of a second each, busy and silent in turn: it must not follow every one of them.
TEST(Allowance, DoesNotFollowEveryPhase) {
  Allowance a{kLeast, 0, 0, 0};
  unsigned changes = 0;
  for (int look = 0; look < 10000; ++look) {
    const bool busy = look / 10 % 2 == 0;
    const std::size_t before = a.bytes;
    if (busy) {
      a.bytes = grown_allowance(a, a.bytes < 4 * kMiB, kKiB, kMost);
      if (a.bytes != before) ++a.grown;
      a.most_used = a.bytes;
    }
    a = look_at(a, 0, kLeast);
    changes += a.bytes != before ? 1 : 0;
  }
  EXPECT_LE(changes, 5u) << "in 1,000 s";
  EXPECT_EQ(a.bytes, 4 * kMiB);
}

TEST(Allowance, ShrinksToTheLeastWhenItIsNotNeeded) {
  Allowance a{kMost, kMost, 0, 0};
  unsigned changes = 0;
  for (int look = 0; look < 1000; ++look) {
    const std::size_t before = a.bytes;
    a = look_at(a, 0, kLeast);
    changes += a.bytes != before ? 1 : 0;
  }
  EXPECT_EQ(a.bytes, kLeast);
  EXPECT_EQ(changes, 6u);
}

}  // namespace
}  // namespace hakmem::learn
