// The fixture of the tests of idle blocks: none are idle before and after, and every block is held for the purge
// delay unless a test lets something else decide.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "large/idle_blocks.hpp"
#include "large/learning.hpp"
#include "os/clock.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "thread/boot_hook.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

inline constexpr std::size_t kLength = 2 * kMiB;

class IdleBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    idle_blocks.give_all_back();
    // A full release budget, whatever tests before this one have released.
    release_budget.look(os::process_cpu_ns() + 3'600'000'000'000, release_cpu_ns.load_relaxed());
    while (idle_blocks.take(kLength) != nullptr) {
    }
    before_ = settings;
    settings.learn = Learn::kOff;  // every block is held for the purge delay, 1 s
  }
  void TearDown() override {
    idle_blocks.give_all_back();
    EXPECT_EQ(idle_blocks.held_bytes(), 0u);
    EXPECT_TRUE(run_store.check_invariants());
    settings = before_;
  }

  // A learner that has seen nothing.
  static void boot_learning(const learn::SelectorChoice& choice = {}) {
    learning.boot(choice);
    idle_blocks.forget_notes_for_test();
  }

  static hakmem::Run* make_run(std::size_t bytes) {
    hakmem::Run* run = run_store.allocate(granules_for(bytes)).run;
    if (run == nullptr) std::abort();
    run->is_huge = false;
    return run;
  }

  static void forget_marks(std::size_t bytes, unsigned count) {
    for (unsigned i = 0; i < count; ++i) EXPECT_EQ(idle_blocks.take(bytes), nullptr);
  }

 private:
  Settings before_;
};

}  // namespace hakmem
