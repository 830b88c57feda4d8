// Sites: a class splits where its idle times fall into two groups, and merges when they do not.
#include "learn/sites.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr unsigned kClass = 9;
constexpr Site kSoon = 11;
constexpr Site kLate = 22;

void observe_both(SiteTable& table, unsigned times, double soon_s, double late_s) {
  for (unsigned i = 0; i < times; ++i) {
    table.observe(kClass, kSoon, soon_s);
    table.observe(kClass, kLate, late_s);
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
    table.observe(kClass, stranger, 0.01);
    observe_both(table, 1, 0.01, 30);
  }
  EXPECT_TRUE(table.is_split(kClass));
  EXPECT_EQ(table.group_of(kClass, kLate), 1u);
}

}  // namespace
}  // namespace hakmem::learn
