// Huge choice: a region whose first huge page turns out dear goes on with small ones.
#include "thread/huge_choice.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "config/knobs.hpp"
#include "learn/huge_arms.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

hakmem::Run* allocate_run(std::uint64_t count) {
  hakmem::Run* run = run_store.allocate(Granules{count}).run;
  if (run == nullptr) std::abort();
  return run;
}

// Regions ask, and units do not.
constexpr HugeChoice choice_of_regions(bool (*goes_on)(std::byte*, std::size_t)) {
  return {[](double) { return true; }, goes_on, [](const UnitBegun&) { return false; }, [](std::byte*, bool) { return false; }, [] {}};
}

// Whoever decides finds huge faults dear on the first page of every region, or never.
class DearHugeFaults : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    enough_ = allocate_run(knobs::kHugeQuestionFrom / kGranuleBytes);
    run_store.set_huge_choice(GetParam() ? &kDear : &kCheap);
  }
  void TearDown() override {
    if (enough_ == nullptr) return;
    boot_huge_choice(settings.price);
    run_store.release(enough_, true);
  }

  static constexpr HugeChoice kDear = choice_of_regions([](std::byte*, std::size_t) { return false; });
  static constexpr HugeChoice kCheap = choice_of_regions([](std::byte*, std::size_t) { return true; });
  hakmem::Run* enough_ = nullptr;
};

TEST_P(DearHugeFaults, LeaveTheRestOfARegionWithoutHugePages) {
  const std::size_t mapped = run_store.mapped_bytes();
  const std::size_t wanted = run_store.unit_use().wanted_bytes;
  std::vector<hakmem::Run*> used;
  while (run_store.mapped_bytes() == mapped) used.push_back(allocate_run(kUnitGranules));
  EXPECT_EQ(run_store.unit_use().wanted_bytes == wanted, GetParam());
  for (hakmem::Run* run : used) run_store.release(run, true);
}

// Growing while another thread is: the new region's first huge page is being touched.
class WhileARegionIsProbed : public testing::Test {
 protected:
  static constexpr unsigned kTurns = 100'000;

  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    used_.push_back(allocate_run(knobs::kHugeQuestionFrom / kGranuleBytes));
    while (run_store.use().free_bytes != 0) used_.push_back(allocate_run(1));
    probes_ = 0;
  }
  void TearDown() override {
    if (used_.empty()) return;
    boot_huge_choice(settings.price);
    for (hakmem::Run* run : used_) run_store.release(run, true);
    EXPECT_TRUE(run_store.check_invariants());
  }

  template <typename Work>
  static void start_other(Work work) {
    other_ended_ = false;
    other_ = std::thread([work] {
      work();
      other_ended_ = true;
    });
  }
  static bool other_ends_within(unsigned turns) {
    for (unsigned i = 0; i < turns && !other_ended_; ++i) std::this_thread::yield();
    return other_ended_;
  }

  inline static hakmem::Run* others_run_ = nullptr;
  inline static std::thread other_;
  inline static std::atomic<bool> other_ended_{false};
  inline static bool ended_meanwhile_ = false;
  inline static unsigned probes_ = 0;
  std::vector<hakmem::Run*> used_;
};

TEST_F(WhileARegionIsProbed, OthersUseWhatIsFree) {
  static constexpr HugeChoice kProbe{[](double) { return !run_store.lock_is_mine(); },
                                     [](std::byte*, std::size_t) { return ++probes_ != 0 && !run_store.lock_is_mine(); },
                                     [](const UnitBegun&) { return false; }, [](std::byte*, bool) { return false; }, [] {}};
  run_store.set_huge_choice(&kProbe);
  const std::size_t wanted = run_store.unit_use().wanted_bytes;
  used_.push_back(allocate_run(kUnitGranules));
  EXPECT_EQ(probes_, 1u);
  EXPECT_GT(run_store.unit_use().wanted_bytes, wanted) << "the run lock was held";
}

TEST_F(WhileARegionIsProbed, WhoNeedsOneTooTakesThat) {
  static constexpr HugeChoice kProbe = choice_of_regions([](std::byte*, std::size_t) {
    if (++probes_ != 1) return true;
    start_other([] { others_run_ = allocate_run(kUnitGranules); });
    ended_meanwhile_ = other_ends_within(kTurns);
    return true;
  });
  run_store.set_huge_choice(&kProbe);
  used_.push_back(allocate_run(kUnitGranules));
  other_.join();
  EXPECT_EQ(probes_, 1u);
  EXPECT_FALSE(ended_meanwhile_);
  used_.push_back(others_run_);
}

// A few hundredths of a huge page untouched cost little at this price, and sixty times as much at the limit.
TEST(HugeChoice, FollowsThePriceThatRisesNearALimit) {
  boot_known_costs(false);  // the process is young, and knows nothing else
  know_small_pages(learn::CostModel{});
  know_huge_fault(learn::CostModel{}.huge_fault_s);
  boot_huge_choice(16);
  const timespec pause{0, 50'000'000};
  nanosleep(&pause, nullptr);
  EXPECT_TRUE(huge_pages_pay(0.97));
  commitment.set_limits(commitment.bytes(), SIZE_MAX, {});  // so the soft limit has been reached
  EXPECT_FALSE(huge_pages_pay(0.97));
  EXPECT_TRUE(huge_pages_pay(1)) << "nothing is wasted";
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  boot_huge_choice(settings.price);
}

// What is known to be dear stays so until what is refused has paid for it; nothing is owed here.
TEST(HugeChoice, AsksAgainWhenWhatWasDearIsPaidFor) {
  boot_known_costs(false);
  know_small_pages(learn::CostModel{});
  boot_huge_choice(settings.price);
  if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
  know_huge_fault(6e-3);
  EXPECT_FALSE(huge_pages_pay(1));
  hakmem::Run* const run = allocate_run(kUnitGranules);
  EXPECT_FALSE(get_huge_pages(run, run->start(), run->bytes())) << "what is refused is refused";
  EXPECT_TRUE(huge_pages_pay(1));
  run_store.release(run, true);
}

// Against small pages that cost next to nothing, any huge fault is dear.
TEST(HugeChoice, OwesWhatADearHugeFaultHasCost) {
  if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
  if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
  boot_known_costs(false);
  boot_huge_choice(settings.price);
  learn::CostModel costs;
  costs.fault_s = 1e-9;
  know_small_pages(costs);
  know_huge_fault(0);
  hakmem::Run* const run = allocate_run(2 * kUnitGranules);
  std::byte* const unit = run->start() + (-reinterpret_cast<std::uintptr_t>(run->start()) & (kHugePageBytes - 1));
  EXPECT_FALSE(get_huge_pages(run, unit, kHugePageBytes)) << "it was dear";
  const double dear_s = known_costs().huge_fault_s;
  EXPECT_GT(dear_s, learn::kSmallPagesInHuge * costs.fault_s);
  EXPECT_NE(dear_s, learn::CostModel{}.huge_fault_s);
  EXPECT_FALSE(get_huge_pages(run, unit, kHugePageBytes));
  EXPECT_EQ(known_costs().huge_fault_s, dear_s) << "one unit has not paid for it";
  EXPECT_FALSE(get_huge_pages(run, unit, std::size_t{1} << 50));
  EXPECT_EQ(known_costs().huge_fault_s, learn::CostModel{}.huge_fault_s) << "so many have";
  know_small_pages(learn::CostModel{});
  run_store.release(run, true);
}

INSTANTIATE_TEST_SUITE_P(OrNot, DearHugeFaults, testing::Bool());

}  // namespace
}  // namespace hakmem
