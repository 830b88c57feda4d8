// Depot: bundles pass through once each, within the limits, and only where they do no harm.
#include "depot/depot.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace hakmem {
namespace {

const ClassId kLine = class_of(std::size_t{64});
const ClassId kMid = class_of(std::size_t{8192});

// A bundle of `count` made-up blocks; nobody follows them here.
Magazine* make_bundle(ClassId c, Slot first_block) {
  Magazine* bundle = take_empty_chain(1);
  Magazine* rest = bundle->chain;
  if (rest != nullptr) give_empty_chain(rest);
  bundle->chain = nullptr;
  bundle->set_capacity(magazine_capacity(c));
  bundle->count = static_cast<std::uint8_t>(magazine_capacity(c));
  bundle->slots()[0] = first_block;
  return bundle;
}

void unmake(Magazine* bundle) {
  bundle->count = 0;
  bundle->chain = nullptr;
  give_empty_chain(bundle);
}

TEST(Depot, GivesBackWhatWasOffered) {
  static Depot depot_here;
  EXPECT_EQ(depot_here.take(kLine), nullptr);
  Magazine* const bundle = make_bundle(kLine, 16);
  ASSERT_TRUE(depot_here.offer(kLine, bundle));
  EXPECT_EQ(depot_here.take(kMid), nullptr) << "classes are apart";
  EXPECT_EQ(depot_here.held_bytes(), magazine_capacity(kLine) * size_of(kLine));
  EXPECT_EQ(depot_here.take(kLine), bundle);
  EXPECT_EQ(depot_here.held_bytes(), 0u);
  EXPECT_EQ(depot_here.take(kLine), nullptr);
  unmake(bundle);
}

TEST(Depot, KnowsWhetherItHasStock) {
  static Depot depot_here;
  const auto keep = [](Magazine*) {};
  EXPECT_FALSE(depot_here.has_stock());
  Magazine* const bundle = make_bundle(kLine, 16);
  depot_here.offer(kLine, bundle);
  EXPECT_TRUE(depot_here.has_stock());
  depot_here.take(kLine);
  depot_here.offer(kLine, bundle);
  depot_here.trim(false, keep);
  EXPECT_TRUE(depot_here.has_stock()) << "it was used since";
  depot_here.trim(false, keep);
  EXPECT_FALSE(depot_here.has_stock());
  unmake(bundle);
}

TEST(Depot, HoldsItsLimitAndNoMore) {  // (1)
  static Depot depot_here;
  for (const ClassId c : {kLine, kMid, class_of(kMaxSmall)}) {
    const std::uint32_t most = depot_limit(c, magazine_capacity(c)) / magazine_capacity(c);
    EXPECT_GE(most, 1u);
    std::vector<Magazine*> bundles;
    for (std::uint32_t i = 0; i < most; ++i) {
      bundles.push_back(make_bundle(c, 16));
      ASSERT_TRUE(depot_here.offer(c, bundles.back())) << i;
    }
    bundles.push_back(make_bundle(c, 16));
    EXPECT_FALSE(depot_here.offer(c, bundles.back()));
    EXPECT_NE(depot_here.take(c), nullptr);
    EXPECT_TRUE(depot_here.offer(c, bundles.back())) << "room again";
    while (depot_here.take(c) != nullptr) {
    }
    for (Magazine* bundle : bundles) unmake(bundle);
  }
}

TEST(Depot, TrimSendsHomeWhatNobodyTookFrom) {  // (2)
  static Depot depot_here;
  std::set<Magazine*> home;
  const auto send_home = [&](Magazine* bundle) { home.insert(bundle); };
  Magazine* const used = make_bundle(kLine, 16);
  Magazine* const taken = make_bundle(kLine, 16);
  Magazine* const idle = make_bundle(kMid, 16);
  depot_here.offer(kLine, used);
  depot_here.offer(kLine, taken);
  depot_here.offer(kMid, idle);
  EXPECT_EQ(depot_here.take(kLine), taken);
  depot_here.trim(false, send_home);
  EXPECT_EQ(home, std::set({idle}));
  depot_here.trim(false, send_home);
  EXPECT_EQ(home, std::set({idle, used})) << "untouched since the last trim";
  depot_here.offer(kLine, taken);
  depot_here.offer(kLine, used);
  EXPECT_EQ(depot_here.take(kLine), used);
  depot_here.trim(true, send_home);
  EXPECT_TRUE(home.count(taken) == 1) << "all: whether it was used or not";
  EXPECT_EQ(depot_here.held_bytes(), 0u);
  for (Magazine* bundle : {used, taken, idle}) unmake(bundle);
}

// Four threads offer what they hold and take what there is, beside a trimming one: each bundle has
// one holder at a time, and all of them are there at the end.
TEST(Depot, ThreadsPassBundlesWithoutLosingOrDoublingOne) {
  static Depot depot_here;
  constexpr unsigned kBundles = 6;
  static std::atomic<int> holders[kBundles];
  static std::atomic<int> doubled{0};
  const auto hold = [](Magazine* bundle) {
    if (holders[bundle->slots()[0]].fetch_add(1) != 0) ++doubled;
  };
  const auto pass_on = [](Magazine* bundle) {
    holders[bundle->slots()[0]].fetch_sub(1);
    if (depot_here.offer(kLine, bundle)) return true;
    holders[bundle->slots()[0]].fetch_add(1);
    return false;
  };
  std::vector<std::vector<Magazine*>> left(4);
  for (unsigned i = 0; i < kBundles; ++i) {
    holders[i] = 0;
    ASSERT_TRUE(depot_here.offer(kLine, make_bundle(kLine, i)));
  }
  std::vector<std::thread> threads;
  for (std::vector<Magazine*>& mine : left) {
    threads.emplace_back([&] {
      for (int step = 0; step < 20'000; ++step) {
        if (Magazine* bundle = depot_here.take(kLine)) {
          hold(bundle);
          mine.push_back(bundle);
        }
        if (step % 100 == 0) depot_here.trim(false, [&](Magazine* bundle) { hold(bundle); mine.push_back(bundle); });
        while (!mine.empty() && pass_on(mine.back())) mine.pop_back();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Magazine*> all;
  for (const std::vector<Magazine*>& mine : left) all.insert(mine.begin(), mine.end());
  while (Magazine* bundle = depot_here.take(kLine)) EXPECT_TRUE(all.insert(bundle).second);
  EXPECT_EQ(doubled.load(), 0);
  EXPECT_EQ(all.size(), kBundles);
  for (Magazine* bundle : all) unmake(bundle);
}

}  // namespace
}  // namespace hakmem
