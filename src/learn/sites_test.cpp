// Sites: a class splits where its idle times fall into two groups, and merges when they do not.
#include "learn/sites.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr unsigned kClass = 9;
constexpr Site kSoon = 11;
constexpr Site kLate = 22;

// What the site's blocks have cost is another matter.
void observe(SiteTable& table, Site site, double idle_s) {
  table.observe(kClass, site, idle_s, Bills{}, kKeep);
}

void observe_both(SiteTable& table, unsigned times, double soon_s, double late_s) {
  for (unsigned i = 0; i < times; ++i) {
    observe(table, kSoon, soon_s);
    observe(table, kLate, late_s);
  }
}

TEST(Sites, ASplitTellsSoonFromLate) {
  SiteTable table;
  EXPECT_FALSE(table.is_split(kClass));
  observe_both(table, 32, 0.01, 30);
  ASSERT_TRUE(table.is_split(kClass));
  EXPECT_EQ(table.group_of(kClass, kSoon), 0u);
  EXPECT_EQ(table.group_of(kClass, kLate), 1u);
  EXPECT_EQ(table.group_of(kClass, 33), 0u) << "a site never seen";
  EXPECT_FALSE(table.is_split(kClass + 1));
}

TEST(Sites, OneGroupIsNotSplit) {
  SiteTable table;
  observe_both(table, 200, 1, 3);
  EXPECT_FALSE(table.is_split(kClass));
}

TEST(Sites, MergesBackWhenTheGroupsMeet) {
  SiteTable table;
  observe_both(table, 32, 0.01, 30);
  ASSERT_TRUE(table.is_split(kClass));
  observe_both(table, 300, 20, 30);
  EXPECT_FALSE(table.is_split(kClass));
  EXPECT_EQ(table.group_of(kClass, kLate), 0u);
}

TEST(Sites, SitesThatMatterSurviveACrowd) {
  SiteTable table;
  observe_both(table, 32, 0.01, 30);
  for (Site stranger = 1000; stranger < 3000; ++stranger) {
    observe(table, stranger, 0.01);
    observe_both(table, 1, 0.01, 30);
  }
  EXPECT_TRUE(table.is_split(kClass));
  EXPECT_EQ(table.group_of(kClass, kLate), 1u);
}

TEST(Sites, EachHasAnAccountOfItsOwn) {
  SiteTable table;
  Bills bills{};
  bills.fill(3);
  bills[0] = 1;
  table.observe(kClass, kSoon, 1, bills, kKeep);
  table.observe(kClass, kSoon, 1, bills, kKeep);
  table.observe(kClass, kLate, 1, bills, ArmId{0});
  unsigned sites = 0;
  table.for_each([&](const SiteTable::Seen& seen) {
    ++sites;
    EXPECT_EQ(seen.size_class, kClass);
    EXPECT_DOUBLE_EQ(seen.regret.paid_s(), seen.site == kSoon ? 6 : 1);
    EXPECT_DOUBLE_EQ(seen.regret.regret_s(), seen.site == kSoon ? 4 : 0);
  });
  EXPECT_EQ(sites, 2u);
}

}  // namespace
}  // namespace hakmem::learn
