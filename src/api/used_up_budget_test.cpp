// Used-up release budget: idle blocks and free runs wait longer, what is asked for does not.
#include <gtest/gtest.h>

#include "api/allocate.hpp"
#include "config/knobs.hpp"
#include "os/clock.hpp"
#include "pages/commitment.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store_fixture.hpp"
#include "pages/run_store.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

// The process's own budget, as if this process had spent an hour releasing.
class UsedUpBudgetTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 4 * kMiB;
  static constexpr std::uint64_t kHour_ns = 3'600'000'000'000;

  void SetUp() override {
    boot();
    before_ = settings;
    settings.learn = Learn::kOff;  // every block is held for the purge delay, 1 s
    give_back_idle_large();
    fill_release_budget();
    spend(kHour_ns);
    ASSERT_TRUE(release_budget.is_used_up());
  }
  void TearDown() override {
    spend(std::uint64_t{0} - kHour_ns);
    EXPECT_FALSE(release_budget.is_used_up());
    give_back_idle_large();
    settings = before_;
  }

  static void spend(std::uint64_t ns) {
    release_cpu_ns.fetch_add_relaxed(ns);
    release_budget.look(os::process_cpu_ns(), release_cpu_ns.load_relaxed());
  }

  static void tick_after(std::uint64_t ms) {
    os::advance_clock_for_test(ms);
    tick_large(os::now_ms());
  }

 private:
  Settings before_;
};

TEST_F(UsedUpBudgetTest, IdleBlocksWaitLongerAndThenGo) {
  deallocate(allocate(kSize));
  ASSERT_GE(idle_large_bytes(), kSize);
  tick_after(settings.purge_delay_ms + 50);
  EXPECT_GE(idle_large_bytes(), kSize) << "due, but it waits";
  tick_after(release_budget.wait_ms() + 50);
  EXPECT_EQ(idle_large_bytes(), 0u);
}

TEST_F(UsedUpBudgetTest, NothingWaitsThatIsAskedFor) {
  deallocate(allocate(kSize));
  ASSERT_GE(idle_large_bytes(), kSize);
  give_back_idle_large();
  EXPECT_EQ(idle_large_bytes(), 0u);
}

TEST_F(UsedUpBudgetTest, TrimmingDoesNotWait) {
  deallocate(allocate(kSize));
  ASSERT_GE(idle_large_bytes(), kSize);
  EXPECT_TRUE(trim());
  EXPECT_EQ(idle_large_bytes(), 0u);
  EXPECT_EQ(run_store.dirty_bytes(), 0u);
}

// Nobody saw the end of the wait: what goes at once can, before the program sleeps again.
TEST_F(UsedUpBudgetTest, IsFullAfterASleepThatNobodyLookedIn) {
  ASSERT_FALSE(background_runs());
  os::stop_clock_for_test();
  const std::uint64_t wait_ms = release_budget.wait_ms();
  do_what_is_due(nullptr, os::now_ms());
  os::advance_clock_for_test(wait_ms);
  do_what_is_due(nullptr, os::now_ms());
  EXPECT_TRUE(release_budget.is_used_up());
  os::advance_clock_for_test(wait_ms + 1);
  do_what_is_due(nullptr, os::now_ms());
  EXPECT_FALSE(release_budget.is_used_up());
  spend(kHour_ns);
  EXPECT_TRUE(release_budget.is_used_up());
  os::start_clock_for_test();
}

TEST_F(UsedUpBudgetTest, AMemoryLimitDoesNotWait) {
  trim();
  void* const block = allocate(kSize);
  hakmem::Run* const run = run_store.allocate(granules_for(kSize)).run;
  ASSERT_NE(run, nullptr);
  commitment.set_limits(commitment.bytes() / 2, SIZE_MAX, {});
  ASSERT_TRUE(commitment.is_over_soft());
  deallocate(block);
  EXPECT_EQ(idle_large_bytes(), 0u);
  run_store.release(run);
  EXPECT_LT(run_store.dirty_bytes(), knobs::kLimitSlack);
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
}

TEST_F(UsedUpBudgetTest, FreeRunsWaitLongerAndThenGo) {
  give_back_idle_large();
  run_store.purge(os::now_ms(), true);
  hakmem::Run* const run = run_store.allocate(granules_for(kSize)).run;
  ASSERT_NE(run, nullptr);
  run_store.release(run);
  const std::size_t dirty = run_store.dirty_bytes();
  ASSERT_GE(dirty, kSize);
  os::advance_clock_for_test(settings.purge_delay_ms + 50);
  run_store.purge(os::now_ms(), false);
  EXPECT_EQ(run_store.dirty_bytes(), dirty);
  os::advance_clock_for_test(release_budget.wait_ms() + 50);
  run_store.purge(os::now_ms(), false);
  EXPECT_LT(run_store.dirty_bytes(), dirty);
}

}  // namespace
}  // namespace hakmem
