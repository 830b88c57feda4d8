// Huge units: runs fill them from below, and a free part of one waits longer.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "config/live_knobs.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"

namespace hakmem {
namespace {

Run* allocate(std::uint64_t count, std::uint64_t alignment = 1) {
  Run* run = run_store.allocate(Granules{count}, Granules{alignment}).run;
  if (run == nullptr) std::abort();
  return run;
}

// Asks for huge pages while it lives, and what is allocated meanwhile lies in regions that have them:
// it holds all that other tests of this process have left free.
class HugeRegions {
 public:
  HugeRegions() {
    run_store.purge(os::now_ms(), true);
    settings.huge_pages = HugePagePolicy::kAlways;
    while (run_store.use().free_bytes != 0) others_.push_back(allocate(1));
  }
  ~HugeRegions() {
    for (Run* run : others_) run_store.release(run, true);  // untouched
    settings.huge_pages = HugePagePolicy::kAuto;
  }
  HugeRegions(const HugeRegions&) = delete;
  HugeRegions& operator=(const HugeRegions&) = delete;

 private:
  std::vector<Run*> others_;
};

std::uint64_t unit_of(const Run* run) { return index_of(run->first) / kUnitGranules; }

// Runs of slab lengths that come and go, more coming at first and more going in the end.
std::vector<Run*> churn(unsigned seed, std::size_t most, std::size_t left) {
  std::mt19937 random(seed);
  std::vector<Run*> used;
  const auto turn = [&](std::size_t target) {
    const bool grows = random() % 100 < (used.size() < target ? 60U : 40U);
    if (grows || used.empty()) {
      used.push_back(allocate(std::uint64_t{1} << random() % 3));
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
  const HugeRegions regions;
  EXPECT_LE(mean_spread(), 1.2) << "1.15 when this was written; 1 cannot be had";
  EXPECT_TRUE(run_store.check_invariants());
}

class HugeHold : public testing::Test {
 protected:
  void SetUp() override {
    hold_before_ms_ = live_knobs.huge_hold_ms;
    if (os::system_huge_pages() == os::HugePages::kNever)
      GTEST_SKIP() << "this system has no huge pages";
    regions_ = std::make_unique<HugeRegions>();
    live_knobs.huge_hold_ms = kHoldMs;
    whole_ = allocate(4 * kUnitGranules, kUnitGranules);
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
  std::unique_ptr<HugeRegions> regions_;
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

}  // namespace
}  // namespace hakmem
