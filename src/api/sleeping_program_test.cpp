// A program of one thread that sleeps between its bursts: nobody gives back what is due meanwhile, and it learns that.
#include <gtest/gtest.h>

#include "api/allocate.hpp"
#include "large/learning.hpp"
#include "os/clock.hpp"
#include "pages/run_store_fixture.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 4 * kMiB;
constexpr std::uint64_t kPause_ms = 60'000;

void work_and_sleep(std::uint64_t pause_ms) {
  for (unsigned i = 0; i < 4; ++i) {
    deallocate(allocate(kSize));
    os::advance_clock_for_test(100);
  }
  deallocate(allocate(kSize));
  os::advance_clock_for_test(pause_ms);
}

TEST(SleepingProgram, GivesBackBeforeItSleeps) {
  boot();
  ASSERT_FALSE(background_runs());
  fill_release_budget();
  give_back_idle_large();
  learning.boot({});
  deallocate(allocate(kSize));
  EXPECT_GE(idle_large_bytes(), kSize) << "it may be used again at once";
  for (unsigned i = 0; i < 10; ++i) work_and_sleep(kPause_ms);
  deallocate(allocate(kSize));
  EXPECT_EQ(idle_large_bytes(), 0u);
  for (unsigned i = 0; i < 40; ++i) work_and_sleep(100);
  deallocate(allocate(kSize));
  EXPECT_GE(idle_large_bytes(), kSize) << "it sleeps no more";
}

}  // namespace
}  // namespace hakmem
