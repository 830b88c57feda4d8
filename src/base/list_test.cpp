// List: the same as a std::list under random pushes and removals.
#include "base/list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <random>

namespace hakmem {
namespace {

struct Item {
  Link<Item> in_first;
  Link<Item> in_second;
};
using First = List<Item, &Item::in_first>;
using Second = List<Item, &Item::in_second>;

template <typename Chain>
bool has(const Chain& list, const std::list<Item*>& expected) {
  const Item* item = list.front();
  for (const Item* wanted : expected) {
    if (item != wanted) return false;
    item = Chain::next(item);
  }
  return item == nullptr && list.empty() == expected.empty();
}

TEST(List, FollowsAModel) {
  std::mt19937 random(1);
  std::array<Item, 20> items;
  First list;
  std::list<Item*> model;
  for (int step = 0; step < 20'000; ++step) {
    Item* item = &items[random() % items.size()];
    const auto place = std::find(model.begin(), model.end(), item);
    if (place != model.end()) {
      list.remove(item);
      model.erase(place);
    } else if (random() % 2 == 0) {
      list.push_front(item);
      model.push_front(item);
    } else {
      list.push_back(item);
      model.push_back(item);
    }
    ASSERT_TRUE(has(list, model)) << step;
  }
}

// push_back finds the end through the tail, which removal has to keep right.
TEST(List, TheTailIsRightAfterTheLastWasRemoved) {
  Item a, b, c;
  First list;
  list.push_back(&a);
  list.push_back(&b);
  list.remove(&b);
  list.push_back(&c);
  EXPECT_TRUE(has(list, {&a, &c}));
  list.remove(&a);
  list.remove(&c);
  EXPECT_TRUE(list.empty());
  list.push_back(&b);
  EXPECT_TRUE(has(list, {&b}));
}

TEST(List, AnItemIsInOneListPerLink) {
  Item a, b;
  First first;
  Second second;
  first.push_back(&a);
  first.push_back(&b);
  second.push_front(&a);
  second.push_front(&b);
  EXPECT_TRUE(has(first, {&a, &b}));
  EXPECT_TRUE(has(second, {&b, &a}));
  first.remove(&a);
  EXPECT_TRUE(has(first, {&b}));
  EXPECT_TRUE(has(second, {&b, &a}));
}

}  // namespace
}  // namespace hakmem
