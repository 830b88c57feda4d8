// Huge units: runs fill them from below, and a free part of one waits longer.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "config/live_knobs.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"
#include "pages/run_store_fixture.hpp"

namespace hakmem {
namespace {

std::uint64_t unit_of(const Run* run) { return index_of(run->first) / kUnitGranules; }

// Runs of slab lengths that come and go, more coming at first and more going in the end.
std::vector<Run*> churn(unsigned seed, std::size_t most, std::size_t left) {
  std::mt19937 random(seed);
  std::vector<Run*> used;
  const auto turn = [&](std::size_t target) {
    const bool grows = random() % 100 < (used.size() < target ? 60U : 40U);
    if (grows || used.empty()) {
      used.push_back(allocate_run(std::uint64_t{1} << random() % 3));
      return;
    }
    std::swap(used[random() % used.size()], used.back());
    run_store.release(used.back());
    used.pop_back();
  };
  for (int i = 0; i < 40'000; ++i) turn(most);
  for (int i = 0; i < 40'000; ++i) turn(left);
  return used;
}

// Granules of the units that hold something, over granules in use.
double spread_of(const std::vector<Run*>& used) {
  std::set<std::uint64_t> units;
  std::uint64_t granules = 0;
  for (const Run* run : used) {
    units.insert(unit_of(run));
    granules += count_of(run->count);
  }
  return static_cast<double>(units.size() * kUnitGranules) / static_cast<double>(granules);
}

double spread_after_churn(unsigned seed) {
  const std::vector<Run*> used = churn(seed, 6000, 1500);
  const double spread = spread_of(used);
  for (Run* run : used) run_store.release(run);
  return spread;
}

double mean_spread() {
  double sum = 0;
  for (unsigned seed = 1; seed <= 5; ++seed) sum += spread_after_churn(seed);
  return sum / 5;
}

TEST(HugeUnits, WhatIsInUseGathersInFewUnits) {
  if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
  const FreshRegions regions(HugePagePolicy::kAlways);
  EXPECT_LE(mean_spread(), 1.2) << "1.15 when this was written; 1 cannot be had";
  EXPECT_TRUE(run_store.check_invariants());
}

bool can_collapse() {
  std::byte* const start = os::memory.map(2 * kMiB, 2 * kMiB, false);
  *start = std::byte{1};
  const bool can = os::system_huge_pages() != os::HugePages::kNever && !system_gives_huge_pages() && os::memory.collapse(start, 2 * kMiB);
  os::memory.unmap(start, 2 * kMiB);
  return can;
}

void touch(const std::byte* start, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += os::memory.page_size)
    *const_cast<volatile std::byte*>(start + at) = std::byte{1};
}

void collapse_all() {
  run_store.look_for_dense_again();
  while (run_store.collapse_next()) {
  }
}

TEST(Collapse, FullUnitsThatAreResidentGoOnHugePagesAndOthersDoNot) {
  if (!can_collapse()) GTEST_SKIP() << "this kernel cannot, or does not let us choose";
  const FreshRegions regions(HugePagePolicy::kNever);
  hakmem::Run* const whole = allocate_run(3 * kUnitGranules, kUnitGranules);
  std::byte* const start = whole->start();
  touch(start, 2 * kMiB);
  touch(start + 2 * kMiB, kMiB);                              // resident in half
  touch(start + 4 * kMiB, 2 * kMiB);
  run_store.shrink(whole, Granules{3 * kUnitGranules - 1});  // not in use as a whole
  const std::size_t before = run_store.unit_use().collapsed_bytes;
  collapse_all();
  EXPECT_EQ(run_store.unit_use().collapsed_bytes, before) << "an idle block";
  page_map.set_details(whole->first, whole);
  page_map.set_tags(whole->first, Granules{1}, tag_for(Kind::kLarge));
  collapse_all();
  EXPECT_EQ(run_store.unit_use().collapsed_bytes, before + 2 * kMiB);
  EXPECT_EQ(os::resident_pages(start + 2 * kMiB, 2 * kMiB), kMiB / os::memory.page_size);
  collapse_all();
  EXPECT_EQ(run_store.unit_use().collapsed_bytes, before + 2 * kMiB) << "each once";
  EXPECT_EQ(*(start + kMiB), std::byte{1});
  run_store.release(whole);
}

class HugeHold : public testing::Test {
 protected:
  void SetUp() override {
    hold_before_ms_ = live_knobs.huge_hold_ms;
    if (os::system_huge_pages() == os::HugePages::kNever)
      GTEST_SKIP() << "this system has no huge pages";
    regions_ = std::make_unique<FreshRegions>(HugePagePolicy::kAlways);
    fill_release_budget();
    live_knobs.huge_hold_ms = kHoldMs;
    whole_ = allocate_run(4 * kUnitGranules, kUnitGranules);
    for (std::uint64_t i = 0; i < count_of(whole_->count); ++i)
      *address_of(whole_->first + i) = std::byte{1};
  }
  void TearDown() override {
    live_knobs.huge_hold_ms = hold_before_ms_;
    if (whole_ != nullptr) run_store.release(whole_);
    regions_.reset();
    EXPECT_TRUE(run_store.check_invariants());
  }

  // The clock goes on, rather than a purge be told of a later time: whoever purges after it would wait
  // for that time.
  static void purge_after(std::uint64_t ms) {
    os::advance_clock_for_test(ms);
    run_store.purge(os::now_ms(), false);
  }

  static constexpr std::uint32_t kHoldMs = 5000;
  std::unique_ptr<FreshRegions> regions_;
  hakmem::Run* whole_ = nullptr;
  std::uint32_t hold_before_ms_ = 0;
};

TEST_F(HugeHold, APartOfAHugePageWaitsLonger) {
  run_store.shrink(whole_, whole_->count - Granules{3});
  purge_after(settings.purge_delay_ms + 100);
  EXPECT_EQ(run_store.use().dirty_bytes, 3 * kGranuleBytes);
  purge_after(kHoldMs);
  EXPECT_EQ(run_store.use().dirty_bytes, 0u);
}

TEST_F(HugeHold, WhatHasAWholeHugePageDoesNot) {
  run_store.shrink(whole_, whole_->count - Granules{2 * kUnitGranules + 3});
  purge_after(settings.purge_delay_ms + 100);
  EXPECT_EQ(run_store.use().dirty_bytes, 0u);
}

TEST_F(HugeHold, TrimmingDoesNotWait) {
  run_store.shrink(whole_, whole_->count - Granules{3});
  run_store.purge(os::now_ms(), true);
  EXPECT_EQ(run_store.use().dirty_bytes, 0u);
}

// Of what lies between blocks on boundaries of their own, each free run is another one.
TEST_F(HugeHold, WithAPartGoesWhatWasNeverUsedOfOtherFreeRuns) {
  constexpr std::uint64_t kBoundary = kUnitGranules / 4;
  std::vector<hakmem::Run*> used;
  while (used.size() < 4 || index_of(used[used.size() - 4]->first) % kUnitGranules != 0 ||
         used.back()->first != used[used.size() - 4]->first + 3 * kBoundary) {
    used.push_back(allocate_run(1, kBoundary));
    *address_of(used.back()->first) = std::byte{1};
  }
  std::byte* const unit = address_of(used[used.size() - 4]->first);
  run_store.release(used.back());
  used.pop_back();
  run_store.purge(os::now_ms(), true);
  EXPECT_LE(os::resident_pages(unit, 2 * kMiB) * os::memory.page_size, 3 * kGranuleBytes);
  for (hakmem::Run* run : used) run_store.release(run);
}

TEST_F(HugeHold, UnitsAreCounted) {
  const UnitUse before = run_store.unit_use();
  EXPECT_GT(before.wanted_bytes, 0u);
  EXPECT_GT(before.full, 0u);
  const Granules cut = Granules{count_of(whole_->count) - 3};
  run_store.shrink(whole_, cut);
  const UnitUse after = run_store.unit_use();
  EXPECT_EQ(after.part, before.part + (count_of(cut) % kUnitGranules == kUnitGranules - 3 ? 1 : 0));
  EXPECT_LE(after.full, before.full);
}

// What the kernel has put on huge pages of [start, start + bytes), by its own word: AnonHugePages of the
// mappings that begin there, and whether they may have more.
struct Backing {
  std::size_t huge_bytes = 0;
  bool may_have_more = true;  // not told against
};

Backing backing_of(const std::byte* start) {
  std::ifstream smaps("/proc/self/smaps");
  Backing backing;
  std::string line;
  bool inside = false;
  while (std::getline(smaps, line)) {
    std::uintptr_t from = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &end) == 2) {
      const auto at = reinterpret_cast<std::uintptr_t>(start);
      inside = from <= at && at < end;
    }
    if (inside && line.starts_with("AnonHugePages:")) backing.huge_bytes = std::stoul(line.substr(14)) * kKiB;
    if (inside && line.starts_with("VmFlags:")) backing.may_have_more = line.find(" nh") == std::string::npos;
  }
  return backing;
}

TEST_F(HugeHold, WhatIsLeftOfASplitUnitStaysOnSmallPagesUntilItIsEmpty) {
  std::byte* const start = whole_->start();
  run_store.shrink(whole_, Granules{3});
  run_store.purge(os::now_ms(), true);
  EXPECT_FALSE(backing_of(start).may_have_more) << "the kernel's daemon would fill it up again";
  EXPECT_LE(os::resident_pages(start, 2 * kMiB), 3 * kGranuleBytes / os::memory.page_size);
  EXPECT_TRUE(backing_of(start + 2 * kMiB).may_have_more) << "that one went as a whole";
  run_store.release(whole_);
  whole_ = nullptr;
  run_store.purge(os::now_ms(), true);
  EXPECT_TRUE(backing_of(start).may_have_more);
}

TEST_F(HugeHold, AUnitGoesBackWithWhatWasNeverUsedOfIt) {
  run_store.release(whole_);
  run_store.purge(os::now_ms(), true);
  whole_ = allocate_run(1, kUnitGranules);
  std::byte* const start = whole_->start();
  *start = std::byte{1};
  if (os::resident_pages(start, 2 * kMiB) < 512) GTEST_SKIP() << "the kernel had no huge page";
  run_store.release(whole_);
  whole_ = nullptr;
  run_store.purge(os::now_ms(), true);
  EXPECT_EQ(os::resident_pages(start, 2 * kMiB), 0u);
}

// As it is when an idle large block has gone back: its end shares a huge page with what is in use.
TEST_F(HugeHold, AnEndThatSharesAHugePageIsLeftToPurging) {
  hakmem::Run* const second = allocate_run(kUnitGranules + 5, kUnitGranules);
  hakmem::Run* const third = allocate_run(3);
  if (third->first != second->first + second->count) GTEST_SKIP() << "not side by side";
  os::memory.discard(second->start(), second->bytes());
  const std::size_t before = run_store.use().dirty_bytes;
  run_store.release(second, true);
  EXPECT_EQ(run_store.use().dirty_bytes, before + 5 * kGranuleBytes);
  EXPECT_TRUE(run_store.check_invariants());
  run_store.release(third);
}

TEST_F(HugeHold, NewRunsLeaveANearlyEmptyUnitAlone) {
  hakmem::Run* const emptying = allocate_run(kUnitGranules, kUnitGranules);
  hakmem::Run* const fuller = allocate_run(kUnitGranules, kUnitGranules);
  hakmem::Run* const wall = allocate_run(kUnitGranules, kUnitGranules);
  run_store.shrink(emptying, Granules{2});
  run_store.shrink(fuller, Granules{kUnitGranules - 1});
  run_store.purge(os::now_ms(), true);
  hakmem::Run* const placed = allocate_run(1);
  EXPECT_EQ(index_of(placed->first), index_of(fuller->first) + kUnitGranules - 1);
  for (hakmem::Run* run : {emptying, fuller, wall, placed}) run_store.release(run);
}

}  // namespace
}  // namespace hakmem
