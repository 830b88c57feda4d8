// Grow into idle: realloc copies into an idle block that is long enough, where that costs less than new pages.
#include <vector>

#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_fixture.hpp"
#include "large/room.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "large/touched.hpp"
#include "pages/run_store.hpp"
#include "thread/huge_choice.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

// Blocks that idle ones are for, of a caller that no other test knows.
class GrowIntoIdle : public Resize {
 protected:
  void SetUp() override {
    Resize::SetUp();
    settings.learn = Learn::kOn;
    run_store.set_huge_choice(nullptr);  // it would measure what pages cost here
    know_small_pages(learn::CostModel{});
    ASSERT_EQ(resident_room.load_relaxed(), 0u);
  }
  void TearDown() override {
    boot_huge_choice(settings.price, false);
    EXPECT_EQ(resident_room.load_relaxed(), 0u);
    Resize::TearDown();
  }

  // The caller has filled what blocks grew by to `size`, and some have become `reach` long.
  void know_caller(std::size_t size, std::size_t reach) {
    touched.note(call_site(caller_), request_class(size), true);
    growth.note(Growth::Site{call_site(caller_)}, reach);
  }

  static void* make_filled(std::size_t size, OwnerId heap = kNoOwner) {
    void* block = make(size, kMinAlign, heap);
    fill(block, size);
    return block;
  }

  static void* leave_idle(std::size_t size) {
    void* block = make_filled(size);
    release(block);
    return block;
  }

  void* grow(void* block, std::size_t size) { return resize_large(block, size, caller_); }
  const void* caller() const { return caller_; }

 private:
  // No real addresses, which differ from run to run: so would which of them share an entry of a table with another site.
  inline static std::uintptr_t tests_ = 0;
  const void* caller_ = reinterpret_cast<const void*>(0x1000 * ++tests_);
};

TEST_F(GrowIntoIdle, WhereThePagesAreThere) {
  for (const std::size_t size : {std::size_t{256 * kKiB}, 4 * kMiB, 16 * kMiB}) {
    settle_down();
    know_caller(4 * size, 0);
    void* block = make_filled(size);
    void* const idle = leave_idle(4 * size);
    void* const grown = grow(block, 4 * size);
    EXPECT_EQ(grown, idle);
    EXPECT_EQ(large_bytes(grown), 4 * size);
    EXPECT_TRUE(holds(grown, size));
    EXPECT_EQ(idle_large_bytes(), size) << "where it was is idle now";
    release(grown);
  }
}

// Also one that has grown as far as that, and had room for more, which it has not used.
TEST_F(GrowIntoIdle, WhichGrewAsFar) {
  know_caller(33 * kMiB, 0);
  void* const grown = grow(make_filled(4 * kMiB), 33 * kMiB);
  ASSERT_NE(grown, nullptr);
  EXPECT_GT(run_of(grown)->bytes(), large_length(33 * kMiB));
  fill(grown, 33 * kMiB);
  settle_down();
  release(grown);
  EXPECT_EQ(idle_large_bytes(), large_length(33 * kMiB));
  void* const next = grow(make_filled(4 * kMiB), 33 * kMiB);
  EXPECT_EQ(next, grown);
  release(next);
}

TEST_F(GrowIntoIdle, NotWhereThePagesItGainsCostLessThanThoseItCopies) {
  know_caller(17 * kMiB, 0);
  void* block = make_filled(16 * kMiB);
  void* const idle = leave_idle(20 * kMiB);
  void* const grown = grow(block, 17 * kMiB);
  EXPECT_NE(grown, idle);
  EXPECT_TRUE(holds(grown, 16 * kMiB));
  release(grown);
}

// A block that was never filled would become resident, and an idle one that never was serves no better than new pages.
TEST_F(GrowIntoIdle, NotWhereEitherIsSparse) {
  know_caller(16 * kMiB, 0);
  void* sparse = make(4 * kMiB);
  void* filled = make_filled(4 * kMiB);
  void* const idle = leave_idle(16 * kMiB);
  EXPECT_NE(sparse = grow(sparse, 16 * kMiB), idle);
  settle_down();
  void* const untouched = make(16 * kMiB);
  release(untouched);
  EXPECT_NE(filled = grow(filled, 16 * kMiB), untouched);
  EXPECT_TRUE(holds(filled, 4 * kMiB));
  release(sparse);
  release(filled);
}

// It is the older of two, and so goes first.
TEST_F(GrowIntoIdle, WhatIsPutBackHasWaitedAsLongAsBefore) {
  know_caller(16 * kMiB, 0);
  void* const untouched = make(16 * kMiB);
  void* const later = make(2 * kMiB);
  void* filled = make_filled(4 * kMiB);  // behind them, so that neither is in its way
  release(untouched);
  os::advance_clock_for_test(10);
  release(later);
  os::advance_clock_for_test(10);
  EXPECT_NE(filled = grow(filled, 16 * kMiB), untouched);
  EXPECT_EQ(idle_large_bytes(), large_length(16 * kMiB) + large_length(2 * kMiB));
  idle_blocks.make_room();
  EXPECT_EQ(idle_large_bytes(), large_length(2 * kMiB));
  release(filled);
}

TEST_F(GrowIntoIdle, NotALongOneWhereNobodyHasFilledWhatBlocksGrewBy) {
  void* block = make_filled(4 * kMiB);
  void* const idle = leave_idle(20 * kMiB);
  EXPECT_NE(block = grow(block, 20 * kMiB), idle);
  release(block);
}

TEST_F(GrowIntoIdle, NotWhereLearningDoesNotAct) {
  settings.learn = Learn::kOff;
  know_caller(16 * kMiB, 0);
  void* block = make_filled(4 * kMiB);
  void* const idle = leave_idle(16 * kMiB);
  EXPECT_NE(block = grow(block, 16 * kMiB), idle);
  settings.learn = Learn::kOn;
  release(block);
}

// As far as its site's blocks have come before; what it has not asked for is not the program's, and it waits in no hand.
TEST_F(GrowIntoIdle, WithRoomForWhatBlocksHaveBecome) {
  for (const std::size_t reach : {12 * kMiB, 40 * kMiB}) {
    settle_down();
    know_caller(9 * kMiB, reach);
    void* block = make_filled(8 * kMiB);
    void* const idle = leave_idle(reach);
    EXPECT_EQ(grow(block, 9 * kMiB), idle);
    EXPECT_EQ(large_bytes(idle), large_length(9 * kMiB));
    EXPECT_EQ(resident_room.load_relaxed(), large_length(reach) - large_length(9 * kMiB));
    EXPECT_EQ(run_of(idle)->hand_class, kNoHand) << "who takes it there takes all of it for the program's";
    EXPECT_EQ(grow(idle, 9 * kMiB - 5000), idle) << "of the same class: it keeps its room";
    EXPECT_EQ(grow(idle, reach), idle);
    EXPECT_EQ(large_bytes(idle), large_length(reach));
    EXPECT_EQ(run_of(idle)->hand_class, class_served_by(large_length(reach)));
    EXPECT_EQ(resident_room.load_relaxed(), 0u);
    EXPECT_TRUE(holds(idle, 8 * kMiB));
    EXPECT_EQ(grow(idle, 8 * kMiB), idle);
    EXPECT_EQ(large_bytes(idle), 8 * kMiB);
    release(idle);
  }
}

// Nobody else can use it while the block stays short.
TEST_F(GrowIntoIdle, WithSoMuchRoomAndNoMore) {
  const std::size_t most = room_left();
  know_caller(5 * kMiB, 40 * kMiB);
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 4 * most / (35 * kMiB); ++i) blocks.push_back(make_filled(4 * kMiB));
  std::vector<void*> others;
  for (std::size_t i = 0; i < blocks.size(); ++i) others.push_back(make_filled(40 * kMiB));
  for (void* made : others) release(made);
  for (void*& block : blocks) {
    know_caller(5 * kMiB, 40 * kMiB);
    block = grow(block, 5 * kMiB);
  }
  EXPECT_LE(resident_room.load_relaxed(), commitment.bytes() / 4 + 8 * kMiB);
  EXPECT_GT(resident_room.load_relaxed(), 0u);
  for (void* block : blocks) release(block);
}

TEST_F(GrowIntoIdle, WithoutRoomUnderALimit) {
  know_caller(5 * kMiB, 40 * kMiB);
  void* block = make_filled(4 * kMiB);
  void* const idle = leave_idle(40 * kMiB);
  commitment.set_limits(4 * kGiB, SIZE_MAX, {});
  EXPECT_NE(block = grow(block, 5 * kMiB), idle);
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  release(block);
}

// Its pages are there: they are idle with it, and not cut off as room is that nobody has touched.
TEST_F(GrowIntoIdle, RoomWithPagesIsIdleWithItsBlock) {
  know_caller(5 * kMiB, 40 * kMiB);
  void* block = make_filled(4 * kMiB);
  void* const idle = leave_idle(40 * kMiB);
  EXPECT_EQ(grow(block, 5 * kMiB), idle);
  release(idle);
  EXPECT_EQ(idle_large_bytes(), 40 * kMiB + 4 * kMiB);
}

// Where it cannot stay: better than pages that nobody has touched. What is cut off lies behind it, for the next growth.
TEST_F(GrowIntoIdle, ALongerOneIsCut) {
  know_caller(12 * kMiB, 0);
  void* const block = make_filled(4 * kMiB);
  void* const behind = make_filled(kMiB);
  void* const idle = leave_idle(24 * kMiB);
  const std::size_t committed = commitment.bytes();
  EXPECT_EQ(grow(block, 12 * kMiB), idle);
  EXPECT_EQ(run_of(idle)->bytes(), 12 * kMiB);
  EXPECT_TRUE(holds(idle, 4 * kMiB));
  EXPECT_EQ(grow(idle, 20 * kMiB), idle);
  EXPECT_LT(commitment.bytes(), committed + kGranuleBytes) << "records at most";
  release(behind);
  release(idle);
}

TEST_F(GrowIntoIdle, ALongerMappingStaysWhole) {
  know_caller(12 * kMiB, 0);
  void* const block = make_filled(4 * kMiB);
  void* const behind = make_filled(kMiB);
  void* const mapping = resize_large(resize_large(make(4 * kMiB), knobs::kHugeFrom), 24 * kMiB);
  ASSERT_TRUE(run_of(mapping)->is_huge());
  fill(mapping, 24 * kMiB);
  release(mapping);
  void* const grown = grow(block, 12 * kMiB);
  EXPECT_NE(grown, mapping);
  EXPECT_TRUE(holds(grown, 4 * kMiB));
  release(behind);
  release(grown);
}

TEST_F(GrowIntoIdle, AMuchLongerOneIsNot) {
  know_caller(6 * kMiB, 0);
  void* const block = make_filled(2 * kMiB);
  void* const behind = make_filled(kMiB);
  void* const idle = leave_idle(28 * kMiB);
  void* const grown = grow(block, 6 * kMiB);
  EXPECT_NE(grown, idle);
  EXPECT_TRUE(holds(grown, 2 * kMiB));
  release(behind);
  release(grown);
}

// What is copied has been read, which makes pages resident that were never written to.
TEST_F(GrowIntoIdle, TheCopySaysNothingOfWhatTheProgramHasTouched) {
  const unsigned size_class = request_class(512 * kKiB);
  for (int i = 0; i < 2; ++i) {
    settle_down();
    void* block = make_large(512 * kKiB, kMinAlign, kNoOwner, caller()).start;
    void* const idle = leave_idle(2 * kMiB);
    EXPECT_EQ(grow(block, 2 * kMiB), idle);
    EXPECT_FALSE(touched.was_full(call_site(caller()), size_class));
    release(idle);
  }
}

TEST_F(GrowIntoIdle, AUsersHeapsBlockKeepsItsHeap) {
  know_caller(4 * kMiB, 16 * kMiB);
  void* block = make_filled(kMiB / 2, kHeap);
  leave_idle(16 * kMiB);
  void* const grown = grow(block, 4 * kMiB);
  EXPECT_GT(resident_room.load_relaxed(), 0u);
  EXPECT_TRUE(holds(grown, kMiB / 2));
  destroy_large_of(kHeap);
  EXPECT_NE(kind_at(grown), Kind::kLarge);
  EXPECT_EQ(idle_large_bytes(), 0u);
}

}  // namespace
}  // namespace hakmem
