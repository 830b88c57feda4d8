// Contexts: classes, depths, and a table that stays bounded.
#include "learn/contexts.hpp"

#include <gtest/gtest.h>

#include <set>

namespace hakmem::learn {
namespace {

TEST(LargeClasses, TheSmallestThatHoldsTheBlock) {
  EXPECT_EQ(large_class_of(33 * kKiB), 0u);
  EXPECT_EQ(large_class_of(64 * kKiB), 0u);
  EXPECT_EQ(large_class_of(64 * kKiB + 1), 1u);
  for (std::size_t bytes = 40 * kKiB; bytes < kGiB; bytes += bytes / 37) {
    const unsigned size_class = large_class_of(bytes);
    ASSERT_GE(large_class_bytes(size_class), bytes);
    if (size_class == 0) continue;
    ASSERT_LT(large_class_bytes(size_class - 1), bytes);
  }
}

TEST(LargeClasses, TheirOwnLengthIsInThem) {
  for (unsigned i = 0; i < kLargeClasses; ++i) EXPECT_EQ(large_class_of(large_class_bytes(i)), i);
  EXPECT_EQ(large_class_of(100 * kGiB), kLargeClasses - 1);
}

TEST(Depths, DoubleFromTheBottom) {
  EXPECT_EQ(depth_of(0), 0u);
  EXPECT_EQ(depth_of(1), 1u);
  EXPECT_EQ(depth_of(3), 2u);
  EXPECT_EQ(depth_of(4), 3u);
  EXPECT_EQ(depth_of(std::size_t{1} << 40), kDepths - 1);
  std::size_t position = 0;
  for (unsigned depth = 0; depth + 1 < kDepths; ++depth) {
    for (std::size_t i = 0; i < positions_at(depth); ++i) ASSERT_EQ(depth_of(position++), depth);
  }
}

// As the learner does it; `is_new` says whether the context has just got its slot.
ContextId find_or_add(ContextTable& table, const Context& context, bool& is_new) {
  ContextId id{};
  is_new = !table.find(context, id);
  if (!is_new) return id;
  return table.add(context, [&](ContextId added) {
    EXPECT_FALSE(table.find(context, id)) << "it is started before others find it";
    EXPECT_EQ(index_of(added), table.used());
  });
}

TEST(ContextTable, TheSameContextHasTheSameSlot) {
  ContextTable table;
  bool is_new = false;
  const ContextId first = find_or_add(table, {3, 2, 0}, is_new);
  EXPECT_TRUE(is_new);
  EXPECT_NE(index_of(find_or_add(table, {3, 2, 1}, is_new)), index_of(first));
  EXPECT_TRUE(is_new);
  EXPECT_EQ(index_of(find_or_add(table, {3, 2, 0}, is_new)), index_of(first));
  EXPECT_FALSE(is_new);
  EXPECT_EQ(table.used(), 2u);
}

TEST(ContextTable, ContextsWithoutASlotShareTheLast) {
  ContextTable table;
  std::set<std::size_t> slots;
  for (unsigned size_class = 0; size_class < kLargeClasses; ++size_class) {
    for (unsigned depth = 0; depth < kDepths; ++depth) {
      bool is_new = false;
      const std::size_t slot = index_of(find_or_add(table, {size_class, depth, 0}, is_new));
      ASSERT_LT(slot, ContextTable::kSlots);
      EXPECT_EQ(is_new, slots.insert(slot).second);
    }
  }
  EXPECT_EQ(slots.size(), ContextTable::kSlots);
}

}  // namespace
}  // namespace hakmem::learn
