// Magazine: the two guards stand where the header says, for every capacity; empty ones come back.
#include "depot/magazine.hpp"

#include <gtest/gtest.h>

#include <set>

namespace hakmem {
namespace {

// Fills the magazine as the hot path does and empties it again; how many blocks it took.
unsigned fill_and_empty(Magazine* magazine) {
  Slot* top = magazine->slots();
  unsigned n = 0;
  while (*top != kFullMark) {
    *top++ = 0x1000 + n++ * 16;
    if (n > 1000) return n;
  }
  unsigned back = n;
  while (top[-1] != kEmptyMark) EXPECT_EQ(*--top, 0x1000 + --back * 16) << "last in, first out";
  EXPECT_EQ(back, 0u);
  EXPECT_EQ(top, magazine->slots());
  return n;
}

TEST(Magazine, TheUsualOneHoldsWhatItsCapacitySays) {
  Magazine* magazine = take_empty_chain(1);
  ASSERT_NE(magazine, nullptr);
  EXPECT_FALSE(magazine->is_short);
  for (const unsigned capacity : {kUsualSlots, 8U, 1U, kUsualSlots - 1, 20U, kUsualSlots}) {
    magazine->set_capacity(capacity);
    EXPECT_EQ(magazine->capacity, capacity);
    EXPECT_EQ(fill_and_empty(magazine), capacity);
  }
  magazine->chain = nullptr;
  give_empty_chain(magazine);
}

TEST(Magazine, TheShortOneHoldsAFew) {
  Magazine* magazine = make_short_magazine();
  ASSERT_NE(magazine, nullptr);
  EXPECT_TRUE(magazine->is_short);
  EXPECT_EQ(fill_and_empty(magazine), kShortSlots);
  EXPECT_GE(kShortSlots, knobs::kFirstFill);
  recycle_short_magazine(magazine);
  EXPECT_EQ(make_short_magazine(), magazine) << "the last one given is the first one taken";
  recycle_short_magazine(magazine);
}

TEST(Magazine, GuardsLieInsideTheRecord) {
  EXPECT_EQ(sizeof(Magazine) + (kUsualSlots + 2) * sizeof(Slot), kUsualBytes);
  EXPECT_LE(sizeof(Magazine) + (kShortSlots + 2) * sizeof(Slot), kShortBytes);
  EXPECT_LE(kUsualSlots, 255u) << "count is a byte";
}

TEST(Magazine, CapacitiesFollowTheKnobs) {
  for (std::size_t i = 0; i < kClasses; ++i) {
    const ClassId c{static_cast<std::uint8_t>(i)};
    const unsigned capacity = magazine_capacity(c);
    EXPECT_GE(capacity, knobs::kMinMagazine);
    EXPECT_LE(capacity, kUsualSlots);
    const bool fits = capacity * size_of(c) <= knobs::kMagazineBytes;
    EXPECT_TRUE(fits || capacity == knobs::kMinMagazine) << size_of(c);
    EXPECT_GE(capacity, shape_of(c).line_group) << "a fill brings whole cache lines";
  }
}

TEST(Magazine, ChainsTravelWhole) {
  while (take_empty_chain(0) != nullptr) {
  }
  Magazine* const chain = take_empty_chain(5);
  std::set<Magazine*> members;
  for (Magazine* m = chain; m != nullptr; m = m->chain) {
    members.insert(m);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(m) % kCacheLine, 0u);
    EXPECT_EQ(fill_and_empty(m), kUsualSlots);
  }
  EXPECT_EQ(members.size(), 5u);
  give_empty_chain(chain);
  Magazine* const again = take_empty_chain(1);
  EXPECT_EQ(again, chain) << "a waiting chain goes before a new one";
  std::size_t n = 0;
  for (Magazine* m = again; m != nullptr; m = m->chain) n += members.count(m);
  EXPECT_EQ(n, 5u);
  give_empty_chain(again);
}

}  // namespace
}  // namespace hakmem
