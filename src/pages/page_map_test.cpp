// Page map: the flat and the compact form, side by side, asked for every kind of address.
#include "pages/page_map.hpp"

#include <gtest/gtest.h>

#include <random>

#include "os/memory.hpp"

namespace hakmem {
namespace {

// Far from what this process maps, so that the compact form's static leaves are this test's alone.
constexpr Granule kBase{std::uint64_t{0x2000'0000'0000} >> kGranuleShift};
constexpr std::uint64_t kSpan = 100'000;

class BothForms : public testing::Test {
 protected:
  void SetUp() override {
    flat.boot(true);
    compact.boot(false);
    ASSERT_TRUE(flat.is_flat()) << "the system refuses the reservation";
    ASSERT_FALSE(compact.is_flat());
  }

  // One check a pair of answers: the two forms agree.
  void expect_same(Granule g) {
    ASSERT_EQ(flat.tag_of(g), compact.tag_of(g)) << index_of(g);
    ASSERT_EQ(flat.details_of(g), compact.details_of(g)) << index_of(g);
  }

  void write_both(Granule first, Granules count, Tag tag, void* details) {
    for (PageMap* map : {&flat, &compact}) {
      ASSERT_TRUE(map->cover(first, count));
      map->set_tags(first, count, tag);
      map->set_details(first, details);
    }
  }

  PageMap flat;
  PageMap compact;
};

// (1): no value of a pointer faults, and what nobody wrote is nobody's.
TEST_F(BothForms, EveryValueHasATag) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::uintptr_t address = random() >> (random() % 64);
    expect_same(granule_at(address));
  }
  for (const std::uintptr_t address : {std::uintptr_t{0}, std::uintptr_t{1} << kAddressBits, UINTPTR_MAX,
                                       (std::uintptr_t{1} << kAddressBits) - 1, std::uintptr_t{1} << 63}) {
    const void* p = reinterpret_cast<const void*>(address);
    EXPECT_EQ(flat.tag_of(p), tag_for(Kind::kForeign));
    EXPECT_EQ(compact.tag_of(p), tag_for(Kind::kForeign));
    EXPECT_EQ(flat.details_of(granule_at(address)), nullptr);
    EXPECT_EQ(compact.details_of(granule_at(address)), nullptr);
    EXPECT_EQ(flat.fast_tag(flat.fast_index(p)), 0u);
  }
}

TEST_F(BothForms, GiveTheSameAnswersAfterTheSameWrites) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 400; ++i) {
    const Granules count{1 + random() % 50};
    const Tag tag = tag_for(OwnerId{static_cast<std::uint32_t>(random() % 1000)},
                            ClassId{static_cast<std::uint8_t>(random() % 40)});
    write_both(kBase + random() % kSpan, count, tag, reinterpret_cast<void*>(random() & ~std::uintptr_t{63}));
  }
  std::uint64_t written = 0;
  for (std::uint64_t i = 0; i < kSpan + 50; ++i) {
    expect_same(kBase + i);
    written += flat.tag_of(kBase + i) != tag_for(Kind::kForeign);
  }
  EXPECT_GT(written, 5000u);
}

// The leaves' borders: one write that spans three of them.
TEST_F(BothForms, AWriteMaySpanLeaves) {
  constexpr std::uint64_t kLeaf = std::uint64_t{1} << 14;
  const Granule first{(index_of(kBase) / kLeaf + 64) * kLeaf + kLeaf - 3};
  write_both(first, Granules{kLeaf + 6}, tag_for(Kind::kBusy), this);
  for (std::uint64_t i = 0; i < kLeaf + 6; ++i) ASSERT_EQ(compact.tag_of(first + i), tag_for(Kind::kBusy)) << i;
  expect_same(first - 1);
  EXPECT_EQ(compact.tag_of(first - 1), tag_for(Kind::kForeign));
  EXPECT_EQ(compact.tag_of(first + (kLeaf + 6)), tag_for(Kind::kForeign));
}

// Bits above the address space are dropped: a tagged or wild pointer reads some entry, never faults.
TEST_F(BothForms, BitsAboveTheAddressSpaceAreDropped) {
  const Granule g = kBase + kSpan * 2;
  write_both(g, Granules{1}, tag_for(OwnerId{7}, ClassId{3}), this);
  for (unsigned bit = kAddressBits; bit < 64; ++bit) {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(address_of(g)) | (std::uintptr_t{1} << bit);
    const void* p = reinterpret_cast<const void*>(address);
    EXPECT_EQ(flat.tag_of(p), tag_for(OwnerId{7}, ClassId{3})) << bit;
    EXPECT_EQ(compact.tag_of(p), tag_for(OwnerId{7}, ClassId{3})) << bit;
  }
}

TEST_F(BothForms, TheHotPathsLookupIsExactInOneAndEmptyInTheOther) {
  const Granule g = kBase + kSpan * 3;
  const Tag tag = tag_for(OwnerId{9}, ClassId{12});
  write_both(g, Granules{1}, tag, this);
  const std::byte* inside = address_of(g) + 12'345;
  EXPECT_EQ(flat.fast_tag(flat.fast_index(inside)), static_cast<std::uint32_t>(tag));
  EXPECT_EQ(flat.fast_tag(flat.fast_index(address_of(g + 1))), 0u);
  EXPECT_EQ(compact.fast_tag(compact.fast_index(inside)), 0u) << "takes the slow path, which knows";
  EXPECT_EQ(compact.tag_of(inside), tag);
}

TEST_F(BothForms, TheFlatOneMayBecomeCompact) {
  std::mt19937_64 random(3);
  std::vector<Granule> written;
  for (int i = 0; i < 200; ++i) {
    written.push_back(kBase + kSpan * 5 + random() % kSpan);
    ASSERT_TRUE(flat.cover(written.back(), Granules{1}));
    flat.set_details(written.back(), this);
    flat.set_tags(written.back(), Granules{1}, tag_for(OwnerId{5}, ClassId{2}));
  }
  const std::size_t reserved = flat.reserved_bytes();
  ASSERT_TRUE(flat.become_compact());
  EXPECT_FALSE(flat.is_flat());
  EXPECT_LT(flat.reserved_bytes(), reserved / 64);
  for (const Granule g : written) {
    EXPECT_EQ(flat.tag_of(g), tag_for(OwnerId{5}, ClassId{2}));
    EXPECT_EQ(flat.details_of(g), this);
    EXPECT_EQ(flat.fast_tag(flat.fast_index(address_of(g))), 0u);
  }
  ASSERT_TRUE(flat.cover(kBase, Granules{3}));
  flat.set_tags(kBase, Granules{3}, tag_for(Kind::kBusy));
  EXPECT_EQ(flat.tag_of(kBase + 2), tag_for(Kind::kBusy));
}

// Below a limit that counts the map there is no more memory to be had.
TEST_F(BothForms, NoMemoryIsNeededToBecomeCompact) {
  static constexpr Granule kFirst = kBase + kSpan * 7;
  constexpr std::uint64_t kLeaf = std::uint64_t{1} << 14;
  constexpr unsigned kLeaves = 40;
  for (unsigned i = 0; i < kLeaves; ++i) {
    ASSERT_TRUE(flat.cover(kFirst + i * kLeaf, Granules{1}));
    flat.set_details(kFirst + i * kLeaf, this);
    flat.set_tags(kFirst + i * kLeaf, Granules{1}, tag_for(OwnerId{3}, ClassId{static_cast<std::uint8_t>(i)}));
  }
  auto* const real_map = os::memory.map;
  os::memory.map = [](std::size_t, std::size_t, bool) -> std::byte* { return nullptr; };
  EXPECT_TRUE(flat.become_compact());
  os::memory.map = real_map;
  for (unsigned i = 0; i < kLeaves; ++i) {
    EXPECT_EQ(flat.tag_of(kFirst + i * kLeaf), tag_for(OwnerId{3}, ClassId{static_cast<std::uint8_t>(i)}));
    EXPECT_EQ(flat.details_of(kFirst + i * kLeaf), this);
    EXPECT_EQ(flat.tag_of(kFirst + i * kLeaf + 1), tag_for(Kind::kForeign));
  }
}

TEST_F(BothForms, ARefusedAttemptChangesNothing) {
  static constexpr Granule kFirst = kBase + kSpan * 20;
  ASSERT_TRUE(flat.cover(kFirst, Granules{1}));
  flat.set_tags(kFirst, Granules{1}, tag_for(Kind::kHuge));
  auto* const real = os::memory.make_writable;
  os::memory.make_writable = [](std::byte*, std::size_t) { return false; };
  EXPECT_FALSE(flat.become_compact());
  os::memory.make_writable = real;
  EXPECT_TRUE(flat.is_flat());
  EXPECT_EQ(flat.tag_of(kFirst), tag_for(Kind::kHuge));
  flat.set_tags(kFirst, Granules{1}, tag_for(Kind::kForeign));
  ASSERT_TRUE(flat.become_compact());
  EXPECT_EQ(flat.tag_of(kFirst), tag_for(Kind::kForeign));
}

// All but the two units in use, in both of its arrays.
TEST_F(BothForms, WhatIsUnusedIsUnlocked) {
  constexpr std::uint64_t kUnit = std::uint64_t{1} << 18;
  static std::size_t unlocked;
  unlocked = 0;
  for (const Granule g : {kBase, kBase + 5 * kUnit}) ASSERT_TRUE(flat.cover(g, Granules{1}));
  auto* const real = os::memory.unlock;
  os::memory.unlock = [](std::byte*, std::size_t bytes) { unlocked += bytes; };
  flat.unlock_unused();
  compact.unlock_unused();
  os::memory.unlock = real;
  EXPECT_EQ(unlocked, flat.reserved_bytes() - 2 * kUnit * 12);
}

// Two threads cover one leaf: while the first waits for its memory, the second installs a leaf and
// writes to it. The first must not put another in its place.
TEST_F(BothForms, ALeafThatAnotherThreadInstalledStays) {
  static PageMap* const map = &compact;
  static constexpr Granule kShared = kBase + (std::uint64_t{1} << 25);
  static auto* const real_map = os::memory.map;
  os::memory.map = [](std::size_t bytes, std::size_t alignment, bool accounted) {
    os::memory.map = real_map;
    EXPECT_TRUE(map->cover(kShared, Granules{1}));
    map->set_tags(kShared, Granules{1}, tag_for(Kind::kHuge));
    return real_map(bytes, alignment, accounted);
  };
  EXPECT_TRUE(compact.cover(kShared + 1, Granules{1}));
  os::memory.map = real_map;
  compact.set_tags(kShared + 1, Granules{1}, tag_for(Kind::kBusy));
  EXPECT_EQ(compact.tag_of(kShared), tag_for(Kind::kHuge));
  EXPECT_EQ(compact.tag_of(kShared + 1), tag_for(Kind::kBusy));
}

TEST_F(BothForms, SayWhatTheyReserve) {
  EXPECT_GE(flat.reserved_bytes(), (std::size_t{1} << kMapBits) * 12);
  const std::size_t before = compact.reserved_bytes();
  ASSERT_TRUE(compact.cover(kBase + (std::uint64_t{1} << 24), Granules{1})) << "a leaf of its own";
  EXPECT_GE(compact.reserved_bytes(), before + (std::size_t{12} << 14));
}

TEST(Tags, OwnerClassAndKindComeBack) {
  for (const std::uint32_t owner : {1U, 2U, 77U, static_cast<std::uint32_t>(kMaxOwner)}) {
    for (std::uint8_t c = 0; c < 64; ++c) {
      const Tag tag = tag_for(OwnerId{owner}, ClassId{c});
      ASSERT_EQ(owner_of(tag), OwnerId{owner});
      ASSERT_EQ(class_of(tag), ClassId{c});
      ASSERT_NE(tag, kNobodysTag);
      // One xor tells class and ownership.
      ASSERT_EQ(static_cast<std::uint32_t>(tag) ^ static_cast<std::uint32_t>(tag_for(OwnerId{owner})), c);
      ASSERT_GE(static_cast<std::uint32_t>(tag) ^ static_cast<std::uint32_t>(tag_for(OwnerId{owner ^ 1})), 256u);
      ASSERT_GE(static_cast<std::uint32_t>(tag) ^ static_cast<std::uint32_t>(kNobodysTag), 64u);
    }
  }
  EXPECT_EQ(owner_of(tag_for(Kind::kHuge)), kNoOwner);
  EXPECT_EQ(kind_of(tag_for(Kind::kHuge)), Kind::kHuge);
  EXPECT_EQ(static_cast<std::uint32_t>(tag_for(Kind::kForeign)), 0u);
}

}  // namespace
}  // namespace hakmem
