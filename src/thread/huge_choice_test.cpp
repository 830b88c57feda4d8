// Huge choice: a region whose first huge page turns out dear goes on with small ones.
#include "thread/huge_choice.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <vector>

#include "config/knobs.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

hakmem::Run* allocate(std::uint64_t count) {
  hakmem::Run* run = run_store.allocate(Granules{count}).run;
  if (run == nullptr) std::abort();
  return run;
}

// Whoever decides finds huge faults dear on the first page of every region, or never.
class DearHugeFaults : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    enough_ = allocate(knobs::kHugeQuestionFrom / kGranuleBytes);
    run_store.set_huge_choice(GetParam() ? &kDear : &kCheap);
  }
  void TearDown() override {
    if (enough_ == nullptr) return;
    boot_huge_choice(settings.price);
    run_store.release(enough_, true);
  }

  static constexpr HugeChoice kDear{[](double) { return true; }, [](std::byte*, std::size_t) { return false; }, [] {}};
  static constexpr HugeChoice kCheap{[](double) { return true; }, [](std::byte*, std::size_t) { return true; }, [] {}};
  hakmem::Run* enough_ = nullptr;
};

TEST_P(DearHugeFaults, LeaveTheRestOfARegionWithoutHugePages) {
  const std::size_t mapped = run_store.mapped_bytes();
  const std::size_t wanted = run_store.unit_use().wanted_bytes;
  std::vector<hakmem::Run*> used;
  while (run_store.mapped_bytes() == mapped) used.push_back(allocate(kUnitGranules));
  EXPECT_EQ(run_store.unit_use().wanted_bytes == wanted, GetParam());
  for (hakmem::Run* run : used) run_store.release(run, true);
}

// A few hundredths of a huge page untouched cost little at this price, and sixty times as much at the limit.
TEST(HugeChoice, FollowsThePriceThatRisesNearALimit) {
  boot_known_costs(false);  // the process is young
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

INSTANTIATE_TEST_SUITE_P(OrNot, DearHugeFaults, testing::Bool());

}  // namespace
}  // namespace hakmem
