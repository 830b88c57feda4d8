// New units: what is asked when a run begins one, and what is left of one that has a huge page.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"
#include "pages/run_store_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kUnitBytes = kUnitGranules * kGranuleBytes;
constexpr std::uint64_t kSmall = kUnitGranules / 8;  // granules of a run of these tests

Granule unit_around(const Run* run) { return Granule{start_of_unit(index_of(run->first))}; }

std::size_t resident_in(Granule unit) {
  return os::resident_pages(address_of(unit), kUnitBytes) * os::memory.page_size;
}

// Whoever is asked says what he has been told to, and what a unit takes is not measured.
class NewUnits : public testing::Test {
 protected:
  void SetUp() override {
    if (!system_has_huge_pages()) GTEST_SKIP() << "this system has no huge pages";
    regions_ = std::make_unique<FreshRegions>(HugePagePolicy::kNever);
    allocate(kSmall);  // a region that asks for nothing
    settings.huge_pages = HugePagePolicy::kAuto;
    run_store.set_huge_choice(&kChoice);
    answer_ = false;
    for (int i = 0; i < 3; ++i) begin_next_unit(true);  // those that are seen
    asked_.clear();
    answer_ = is_there_ = true;
    meanwhile_ = nothing;
  }
  void TearDown() override {
    if (regions_ == nullptr) return;
    for (hakmem::Run* run : used_) run_store.release(run);
    run_store.set_huge_choice(nullptr);
    run_store.purge(os::now_ms(), true);
    EXPECT_TRUE(run_store.check_invariants());
    regions_.reset();
  }

  hakmem::Run* allocate(std::uint64_t granules) {
    hakmem::Run* run = run_store.allocate(Granules{granules}).run;
    if (run == nullptr) std::abort();
    used_.push_back(run);
    return run;
  }

  // The run that begins the next unit; those before it are touched, or not.
  hakmem::Run* begin_next_unit(bool touch) {
    const Granule last = unit_around(used_.back());
    while (unit_around(used_.back()) == last) {
      hakmem::Run* run = allocate(kSmall);
      if (touch && unit_around(run) == last) std::memset(run->start(), 1, run->bytes());
    }
    return used_.back();
  }

  void release_last() {
    run_store.release(used_.back());
    used_.pop_back();
  }

  static void nothing() {}

  inline static std::function<void()> meanwhile_ = nothing;  // after the first touch of a huge one
  inline static std::vector<UnitBegun> asked_;
  inline static bool answer_ = true;
  inline static bool is_there_ = true;  // the kernel has a huge page to give
  static constexpr HugeChoice kChoice{[](double) { return false; },
                                      [](const UnitBegun& begun) {
                                        asked_.push_back(begun);
                                        return answer_;
                                      },
                                      [](std::byte* start, bool huge) {
                                        *start = std::byte{0};
                                        if (huge) meanwhile_();
                                        return huge && is_there_;
                                      },
                                      [] {}};
  std::vector<hakmem::Run*> used_;

 private:
  std::unique_ptr<FreshRegions> regions_;
};

TEST_F(NewUnits, WhatIsToldIsHowMuchOfTheLastOnesIsResident) {
  answer_ = false;
  begin_next_unit(true);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_GE(asked_.back().touched_share, 0.85) << "all but the first run of each";
  begin_next_unit(false);
  begin_next_unit(false);
  EXPECT_LE(asked_.back().touched_share, 0.05);
}

TEST_F(NewUnits, TheRunThatBeginsOneIsNotHeldAgainstTheOneBefore) {
  answer_ = false;
  for (int i = 0; i < 8; ++i) {
    const hakmem::Run* run = allocate(kUnitGranules / 8 * 5);
    std::memset(run->start(), 1, run->bytes());
  }
  ASSERT_GE(asked_.size(), 4u);
  EXPECT_GE(asked_.back().touched_share, 0.99);
}

TEST_F(NewUnits, ARunThatIsAsLongBeginsOnOneUnlessThatLeavesDirtyGranules) {
  answer_ = false;
  allocate(1);
  hakmem::Run* const whole = allocate(kUnitGranules);
  EXPECT_EQ(whole->first, unit_around(whole));
  run_store.shrink(whole, whole->count - Granules{kSmall});
  EXPECT_EQ(allocate(kUnitGranules)->first, whole->first + whole->count);
}

TEST_F(NewUnits, WhatIsLeftOfAHugeOneIsCommittedAndComesFirst) {
  const std::size_t committed = commitment.bytes();
  const std::size_t dirty = run_store.use().dirty_bytes;
  const hakmem::Run* run = begin_next_unit(true);
  constexpr double kRecords = kGranuleBytes / 2.0;  // they are committed too
  EXPECT_EQ(run_store.use().dirty_bytes - dirty, kUnitBytes - run->bytes());
  EXPECT_NEAR(static_cast<double>(commitment.bytes() - committed), 2 * kUnitBytes - kSmall * kGranuleBytes, kRecords)
      << "the unit before, but for its first run, and this one";
  EXPECT_TRUE(run_store.check_invariants());
  const std::size_t then = commitment.bytes();
  EXPECT_EQ(unit_around(allocate(kSmall)), unit_around(run));
  EXPECT_NEAR(static_cast<double>(commitment.bytes() - then), 0, kRecords) << "it was there";
}

TEST_F(NewUnits, WhatIsLeftOfAHugeOneGoesBack) {
  const hakmem::Run* run = begin_next_unit(true);
  const Granule unit = unit_around(run);
  if (resident_in(unit) != kUnitBytes) GTEST_SKIP() << "the kernel had no huge page";
  run_store.purge(os::now_ms(), true);
  EXPECT_LE(resident_in(unit), run->bytes());
  EXPECT_EQ(run_store.use().dirty_bytes, 0u);
  EXPECT_EQ(run_store.unit_use().full + run_store.unit_use().part, 0u) << "what is left of it is on small pages";
}

TEST_F(NewUnits, HowManyHaveBegunSinceTheLastOneSeenIsTold) {
  for (int i = 0; i < 3; ++i) begin_next_unit(true);
  answer_ = false;
  begin_next_unit(true);
  answer_ = true;
  begin_next_unit(true);
  ASSERT_EQ(asked_.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(asked_[i].unseen_units, i);
  EXPECT_EQ(asked_[4].unseen_units, 0u) << "the one before has been seen";
  EXPECT_EQ(asked_[4].huge_units - asked_[0].huge_units, 3u);
}

TEST_F(NewUnits, OneThatGotNoHugePageHasBeenSeen) {
  begin_next_unit(true);
  is_there_ = false;
  begin_next_unit(true);
  begin_next_unit(true);
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_EQ(asked_[1].unseen_units, 1u);
  EXPECT_EQ(asked_[2].unseen_units, 0u);
  EXPECT_EQ(asked_[2].huge_units, asked_[1].huge_units);
}

// Another thread takes, gives back and frees a part of it between its first touch and the look whether it is whole.
TEST_F(NewUnits, WhatIsLeftOfOneThatWasNotWholeIsNotResident) {
  is_there_ = false;
  meanwhile_ = [] {
    std::thread([] {
      hakmem::Run* const run = run_store.allocate(Granules{2}).run;
      if (run == nullptr) std::abort();
      run_store.release(run, os::memory.discard(run->start(), run->bytes()));
    }).join();
  };
  const hakmem::Run* run = begin_next_unit(true);
  EXPECT_LE(resident_in(unit_around(run)), run->bytes());
}

// The choice has been overtaken by a purge: nothing of it is resident any more, and nothing may be counted.
TEST_F(NewUnits, WhatWasGivenBackMeanwhileIsNotCounted) {
  meanwhile_ = [] {
    std::thread([] {
      run_store.release(run_store.allocate(Granules{2}).run);
      run_store.purge(os::now_ms(), true);
    }).join();
  };
  begin_next_unit(true);
  EXPECT_EQ(run_store.use().dirty_bytes, 0u);
}

TEST_F(NewUnits, NearTheBoundWhatWasSetIsTakenBackAsAWhole) {
  constexpr Granules kMany{16 * kUnitGranules};
  settings.huge_pages = HugePagePolicy::kNever;  // regions that ask for nothing
  hakmem::Run* last = nullptr;
  for (bool set = true; set;) {
    last = run_store.allocate(kMany, Granules{kUnitGranules}).run;
    ASSERT_NE(last, nullptr);
    used_.push_back(last);
    set = run_store.set_units(last, last->first, last->count, true);
  }
  const hakmem::Run* const before = used_[used_.size() - 2];
  ASSERT_EQ(before->count, kMany);
  EXPECT_TRUE(run_store.set_units(before, before->first, before->count, false));
  EXPECT_TRUE(run_store.set_units(last, last->first, last->count, true)) << "there is room again";
}

// For ThreadSanitizer: who grows looks at which units are huge.
TEST_F(NewUnits, AreSetWhileTheHeapGrows) {
  hakmem::Run* const block = allocate(4 * kUnitGranules);
  const Granule inside = unit_around(block) + kUnitGranules;
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      for (const bool huge : {true, false}) run_store.set_units(block, inside, Granules{kUnitGranules}, huge);
    }
  });
  for (int i = 0; i < 40; ++i) allocate(kUnitGranules * 8);
  stop = true;
  other.join();
}

TEST_F(NewUnits, NobodyIsAskedAboutOneThatHasBeenUsed) {
  answer_ = false;
  begin_next_unit(true);
  std::memset(used_.back()->start(), 1, used_.back()->bytes());
  release_last();
  asked_.clear();
  allocate(kSmall / 2);
  allocate(kSmall);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(NewUnits, NobodyIsAskedUnderAHardLimit) {
  commitment.set_limits(SIZE_MAX, commitment.bytes() + 64 * kMiB, {});
  for (int i = 0; i < 3; ++i) begin_next_unit(true);
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  EXPECT_TRUE(asked_.empty());
}

TEST_F(NewUnits, NobodyIsAskedWhereTheUserHasSaid) {
  for (const auto policy : {HugePagePolicy::kNever, HugePagePolicy::kAlways}) {
    settings.huge_pages = policy;
    for (int i = 0; i < 3; ++i) begin_next_unit(true);
  }
  settings.huge_pages = HugePagePolicy::kAuto;
  EXPECT_TRUE(asked_.empty());
}

TEST_F(NewUnits, TheKernelIsToldAgainstThemWhereARunThatHadThemHasGone) {
  hakmem::Run* const run = run_store.allocate(Granules{3 * kUnitGranules}, Granules{kUnitGranules}).run;
  ASSERT_NE(run, nullptr);
  ASSERT_TRUE(run_store.set_units(run, run->first, run->count, true));
  const Granule unit = run->first;
  *run->start() = std::byte{1};
  const bool has_huge_pages = resident_in(unit) == kUnitBytes;
  os::memory.discard(run->start(), run->bytes());
  run_store.release(run, true);
  if (!has_huge_pages) GTEST_SKIP() << "the kernel had no huge page";
  EXPECT_EQ(run_store.unit_use().full + run_store.unit_use().part, 0u);
  settings.huge_pages = HugePagePolicy::kNever;
  hakmem::Run* const next = run_store.allocate(Granules{3 * kUnitGranules}, Granules{kUnitGranules}).run;
  ASSERT_NE(next, nullptr);
  *next->start() = std::byte{1};
  EXPECT_EQ(resident_in(next->first), os::memory.page_size);
  run_store.release(next);
}

}  // namespace
}  // namespace hakmem
