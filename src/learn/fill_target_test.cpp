// Fill targets and allowances: up with churn, down with idleness, and nothing for what happens
// once.
#include "learn/fill_target.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr std::size_t kMost = 16 * kMiB;
constexpr std::size_t kLeast = 256 * kKiB;
constexpr double kPrice = 0.125;

// The same class was filled and overflowed so often since the last look.
constexpr ClassDemand churn(std::uint16_t trips) { return {trips, trips, 0}; }

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
    homecomings += goes_home(demand, kKiB, kPrice) ? 1 : 0;
  }
  EXPECT_EQ(homecomings, 1);
}

// What a quiet class costs before it goes home, over the round trip that it then costs.
double waits_for(std::size_t bytes, double price) {
  ClassDemand demand;
  for (unsigned look = 1;; ++look) {
    demand = look_at(demand, false);
    if (goes_home(demand, bytes, price)) return look;
  }
}

TEST(FillTarget, AClassWaitsForAsLongAsARoundTripIsWorth) {
  EXPECT_EQ(waits_for(kKiB, kPrice), kQuietLooks);
  EXPECT_EQ(waits_for(64 * kKiB, kPrice), 6);
  EXPECT_EQ(waits_for(512 * kKiB, kPrice), kLeastQuietLooks);
  EXPECT_EQ(waits_for(64 * kKiB, 10 * kPrice), kLeastQuietLooks) << "dear memory";
  EXPECT_EQ(waits_for(512 * kKiB, 0), kQuietLooks) << "free memory";
}

TEST(Allowance, GrowsOnlyWhereRoundTripsCostMoreThanTheRoom) {
  const Allowance a{kMiB, 0, 0, 0};
  EXPECT_EQ(grown_allowance(a, churn(1), 512 * kKiB, kMost, kPrice), kMiB);
  EXPECT_EQ(grown_allowance(a, churn(2), 512 * kKiB, kMost, kPrice), 2 * kMiB);
  EXPECT_EQ(grown_allowance(a, churn(2), 512 * kKiB, kMost, 10 * kPrice), kMiB) << "dear memory";
  EXPECT_EQ(grown_allowance(a, {1, 100, 0}, 512 * kKiB, kMost, kPrice), kMiB) << "it does not come back";
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
  EXPECT_EQ(grown_allowance(a, {0, 9, 0}, 4096, kMost, kPrice), kMiB) << "blocks that nobody asks for again";
  EXPECT_EQ(grown_allowance(a, churn(1), 4096, kMost, kPrice), 2 * kMiB);
  EXPECT_EQ(grown_allowance({0, 0, 0, 0}, churn(1), 4096, kMost, kPrice), 4096u);
  EXPECT_EQ(grown_allowance({kMost, 0, 0, 0}, churn(1), 4096, kMost, kPrice), kMost);
  EXPECT_EQ(grown_allowance({kMiB, 0, 0, 0}, churn(1), 4096, 100, kPrice), kMiB) << "never taken away here";
}

TEST(Allowance, ChangesABoundedNumberOfTimesBetweenLooks) {
  Allowance a{kKiB, 0, 0, 0};
  unsigned changes = 0;
  for (int overflow = 0; overflow < 10000; ++overflow) {
    const std::size_t next = grown_allowance(a, churn(1), kKiB, kMost, kPrice);
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
      a.bytes = grown_allowance(a, churn(a.bytes < 4 * kMiB ? 1 : 0), kKiB, kMost, kPrice);
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
