// Huge choice: units whose huge pages are dear begin on small ones, and what they cost is owed.
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
#include "pages/run_store_fixture.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

// Regions ask, and units are worth it or not.
constexpr HugeChoice choice_of_regions(bool (*asks)(double), bool (*asks_for_unit)(const UnitBegun&)) {
  return {asks, asks_for_unit, [](std::byte*, bool huge) { return huge; }, [] {}};
}

constexpr bool always(double) { return true; }
constexpr bool never(const UnitBegun&) { return false; }

// A region that asks, whose huge pages are dear from some unit on.
class DearHugeFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
    used_.push_back(allocate_run(knobs::kHugeQuestionFrom / kGranuleBytes));
    while (run_store.use().free_bytes != 0) used_.push_back(allocate_run(1));
    run_store.set_huge_choice(&kCheapAtFirst);
    cheap_ = SIZE_MAX;
    used_.push_back(allocate_run(1));  // begins a region, and a unit
    wanted_ = run_store.unit_use().wanted_bytes;
  }
  void TearDown() override {
    if (used_.empty()) return;
    boot_huge_choice(settings.price, false);
    for (hakmem::Run* run : used_) run_store.release(run, true);
    EXPECT_TRUE(run_store.check_invariants());
  }

  std::size_t small_units() const { return (wanted_ - run_store.unit_use().wanted_bytes) / kHugePageBytes; }

  inline static std::size_t cheap_ = SIZE_MAX;  // questions, before they are dear
  static constexpr HugeChoice kCheapAtFirst =
      choice_of_regions(always, [](const UnitBegun& begun) { return begun.region_has_asked && cheap_ != 0 && cheap_-- != 0; });
  std::vector<hakmem::Run*> used_;
  std::size_t wanted_ = 0;
};

TEST_F(DearHugeFaults, LeaveTheUnitsThatBeginOnSmallPages) {
  constexpr std::uint64_t kHalf = kUnitGranules / 2;
  for (int i = 0; i < 4; ++i) used_.push_back(allocate_run(kHalf));
  EXPECT_EQ(small_units(), 0u);
  cheap_ = 0;
  for (int i = 0; i < 4; ++i) used_.push_back(allocate_run(kHalf));
  EXPECT_EQ(small_units(), 2u);
}

// Though huge pages are cheap: nobody knows whether the program is going to touch it.
TEST_F(DearHugeFaults, OfALongBlockAreItsSitesAffair) {
  const AllocatedRun allocated = run_store.allocate(Granules{4 * kUnitGranules + kUnitGranules / 4});
  used_.push_back(allocated.run);
  EXPECT_EQ(small_units(), 5u) << "the one that it ends in, too";
  EXPECT_TRUE(allocated.fresh);
  EXPECT_TRUE(run_store.set_units(allocated.run, allocated.run->first, Granules{4 * kUnitGranules}, true));
  EXPECT_EQ(small_units(), 1u);
}

// A short run whose program may never touch it must not make a whole unit resident, and one that grows is no shorter.
TEST_F(DearHugeFaults, AreNotAskedForWhereNobodyKnowsWhatIsTouched) {
  constexpr std::uint64_t kHalf = kUnitGranules / 2;
  for (int i = 0; i < 2; ++i) used_.push_back(run_store.allocate(Granules{kHalf}, Granules{1}, WillTouch::kUnknown).run);
  EXPECT_EQ(small_units(), 1u);
  ASSERT_TRUE(run_store.extend(used_.back(), Granules{kHalf + 2 * kUnitGranules}, tag_for(Kind::kBusy)));
  EXPECT_EQ(small_units(), 3u);
}

TEST_F(DearHugeFaults, AreAskedForAgainWhereABlockWas) {
  used_.push_back(allocate_run(2 * kUnitGranules));
  ASSERT_EQ(small_units(), 2u);
  run_store.release(used_.back(), os::memory.discard(used_.back()->start(), used_.back()->bytes()));
  used_.pop_back();
  EXPECT_EQ(small_units(), 0u);
}

TEST_F(DearHugeFaults, AreAskedForAgainWhereAUnitHasEmptied) {
  constexpr std::uint64_t kHalf = kUnitGranules / 2;
  cheap_ = 0;
  for (int i = 0; i < 2; ++i) used_.push_back(allocate_run(kHalf));
  ASSERT_EQ(small_units(), 1u);
  for (int i = 0; i < 2; ++i) {
    hakmem::Run* const run = used_.back();
    used_.pop_back();
    run_store.release(run, os::memory.discard(run->start(), run->bytes()));
  }
  cheap_ = SIZE_MAX;
  for (int i = 0; i < 2; ++i) used_.push_back(allocate_run(kHalf));
  EXPECT_EQ(small_units(), 0u);
}

// Growing while another thread is: whether the new region asks for huge pages is being found out.
class WhileARegionAsks : public testing::Test {
 protected:
  static constexpr unsigned kTurns = 100'000;

  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
    used_.push_back(allocate_run(knobs::kHugeQuestionFrom / kGranuleBytes));
    while (run_store.use().free_bytes != 0) used_.push_back(allocate_run(1));
    asked_ = 0;
  }
  void TearDown() override {
    if (used_.empty()) return;
    boot_huge_choice(settings.price, false);
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
  inline static unsigned asked_ = 0;
  std::vector<hakmem::Run*> used_;
};

TEST_F(WhileARegionAsks, OthersUseWhatIsFree) {
  static constexpr HugeChoice kAsks = choice_of_regions([](double) { return ++asked_ != 0 && !run_store.lock_is_mine(); }, never);
  run_store.set_huge_choice(&kAsks);
  const std::size_t wanted = run_store.unit_use().wanted_bytes;
  used_.push_back(allocate_run(1));
  EXPECT_EQ(asked_, 1u);
  EXPECT_GT(run_store.unit_use().wanted_bytes, wanted) << "the run lock was held";
}

TEST_F(WhileARegionAsks, WhoNeedsOneTooTakesThat) {
  static constexpr HugeChoice kAsks = choice_of_regions(
      [](double) {
        if (++asked_ != 1) return true;
        start_other([] { others_run_ = allocate_run(kUnitGranules); });
        ended_meanwhile_ = other_ends_within(kTurns);
        return true;
      },
      never);
  run_store.set_huge_choice(&kAsks);
  used_.push_back(allocate_run(kUnitGranules));
  other_.join();
  EXPECT_EQ(asked_, 1u);
  EXPECT_FALSE(ended_meanwhile_);
  used_.push_back(others_run_);
}

// A few hundredths of a huge page untouched cost little at this price, and sixty times as much at the limit.
TEST(HugeChoice, FollowsThePriceThatRisesNearALimit) {
  boot_known_costs(false);  // the process is young, and knows nothing else
  know_small_pages(learn::CostModel{});
  know_huge_fault(learn::CostModel{}.huge_fault_s);
  boot_huge_choice(16, false);
  const timespec pause{0, 50'000'000};
  nanosleep(&pause, nullptr);
  EXPECT_TRUE(huge_pages_pay(0.97));
  commitment.set_limits(commitment.bytes(), SIZE_MAX, {});  // so the soft limit has been reached
  EXPECT_FALSE(huge_pages_pay(0.97));
  EXPECT_TRUE(huge_pages_pay(1)) << "nothing is wasted";
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  boot_huge_choice(settings.price, false);
}

// What is known to be dear stays so until what is refused has paid for it; nothing is owed here.
TEST(HugeChoice, AsksAgainWhenWhatWasDearIsPaidFor) {
  boot_known_costs(false);
  know_small_pages(learn::CostModel{});
  boot_huge_choice(settings.price, false);
  if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
  know_huge_fault(6e-3);
  EXPECT_FALSE(huge_pages_pay(1));
  hakmem::Run* const run = allocate_run(kUnitGranules);
  EXPECT_FALSE(get_huge_pages(run, run->start(), run->bytes())) << "what is refused is refused";
  EXPECT_TRUE(huge_pages_pay(1));
  run_store.release(run, true);
}

// A block of whole units, and small pages that are said to cost so much: huge ones are dear or cheap by comparison.
class HugeFaults : public testing::Test {
 protected:
  static constexpr std::size_t kUnits = 4;

  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
    boot_known_costs(false);
    boot_huge_choice(settings.price, false);
    know_huge_fault(0);
    run_ = allocate_run((kUnits + 1) * kUnitGranules);
    first_ = run_->start() + (-reinterpret_cast<std::uintptr_t>(run_->start()) & (kHugePageBytes - 1));
  }
  void TearDown() override {
    if (run_ == nullptr) return;
    know_small_pages(learn::CostModel{});
    boot_huge_choice(settings.price, false);
    run_store.release(run_, os::memory.discard(run_->start(), run_->bytes()));
  }

  static void say_small_pages_cost(double fault_s) {
    learn::CostModel costs;
    costs.fault_s = fault_s;
    know_small_pages(costs);
  }
  bool ask(std::size_t units) { return get_huge_pages(run_, first_, units * kHugePageBytes); }
  std::byte* unit(std::size_t i) const { return first_ + i * kHugePageBytes; }

 private:
  hakmem::Run* run_ = nullptr;
  std::byte* first_ = nullptr;
};

TEST_F(HugeFaults, LeaveTheRestOfABlockAloneWhereTheFirstIsDear) {
  say_small_pages_cost(1e-9);
  EXPECT_FALSE(ask(kUnits));
  EXPECT_EQ(os::resident_pages(unit(1), kHugePageBytes), 0u);
  *unit(1) = std::byte{1};
  EXPECT_EQ(os::resident_pages(unit(1), kHugePageBytes), 1u);
}

TEST_F(HugeFaults, AreTakenForEachUnitOfABlockThatWillBeTouched) {
  say_small_pages_cost(1);
  const bool all = ask(kUnits);
  if (os::resident_pages(unit(0), kHugePageBytes) * os::memory.page_size != kHugePageBytes) GTEST_SKIP() << "the kernel had no huge page";
  EXPECT_TRUE(all);
  for (std::size_t i = 0; i < kUnits; ++i) EXPECT_GT(os::resident_pages(unit(i), os::memory.page_size), 0u) << i;
}

TEST_F(HugeFaults, AreOwedWhereTheyWereDear) {
  say_small_pages_cost(1e-9);
  EXPECT_TRUE(ask(1));
  const double dear_s = known_costs().huge_fault_s;
  EXPECT_GT(dear_s, learn::kSmallPagesInHuge * 1e-9);
  EXPECT_NE(dear_s, learn::CostModel{}.huge_fault_s);
  EXPECT_FALSE(ask(1));
  EXPECT_EQ(known_costs().huge_fault_s, dear_s) << "one unit has not paid for it";
  pay_on_small_pages(std::size_t{1} << 50);
  EXPECT_EQ(known_costs().huge_fault_s, learn::CostModel{}.huge_fault_s) << "so many have";
}

TEST(HugeChoice, AsksForNoneAtFirstWhereAHostMayHaveToFindThem) {
  boot_known_costs(false);
  know_small_pages(learn::CostModel{});
  boot_huge_choice(settings.price, true);
  if (settings.huge_pages != HugePagePolicy::kAuto) GTEST_SKIP() << "they are not asked for by the bill";
  EXPECT_FALSE(huge_pages_pay(1));
  const double unit_s = learn::kSmallPagesInHuge * learn::CostModel{}.fault_s;
  const auto units = static_cast<std::size_t>((learn::kHostFault_s - unit_s) / unit_s / learn::kAskingShare);
  hakmem::Run* const run = allocate_run(units * kUnitGranules);
  EXPECT_FALSE(get_huge_pages(run, run->start(), units * kHugePageBytes));
  EXPECT_FALSE(huge_pages_pay(1)) << "not all is paid";
  pay_on_small_pages(kHugePageBytes);
  EXPECT_TRUE(huge_pages_pay(1));
  run_store.release(run, true);
}

}  // namespace
}  // namespace hakmem
