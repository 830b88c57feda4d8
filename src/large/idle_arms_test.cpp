// Idle blocks under an arm: what is learned decides how long they stay, or a rule of another allocator does.
#include "large/idle_blocks_fixture.hpp"

#include <vector>

#include "config/knobs.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"

namespace hakmem {
namespace {

constexpr std::uint64_t kStepMs = 50;

// A block is used again after a pause: how long of that it stayed.
std::uint64_t held_for(std::size_t bytes, std::uint64_t pause_ms) {
  hakmem::Run* run = idle_blocks.take(bytes);
  if (run == nullptr) run = run_store.allocate(granules_for(large_length(bytes))).run;
  run->kind = Kind::kLarge;
  idle_blocks.keep(run, os::now_ms());
  std::uint64_t held_ms = 0;
  for (std::uint64_t passed = 0; passed < pause_ms; passed += kStepMs) {
    os::advance_clock_for_test(kStepMs);
    idle_blocks.tick(os::now_ms());
    learning.set_costs(learn::CostModel{});  // and not what this machine takes just now
    fill_release_budget();                   // the same
    if (idle_blocks.held_bytes() != 0) held_ms = passed + kStepMs;
  }
  return held_ms;
}

// Blocks that come back after half a minute are not worth holding for as long as the first guess says;
// those that come back after a moment are held until then.
TEST_F(IdleBlocksTest, LearnsHowLongAClassIsWorthHolding) {
  settings.learn = Learn::kOn;
  boot_learning();
  const std::uint64_t first = held_for(10 * kMiB, 30'000);
  std::uint64_t last = first;
  for (int cycle = 0; cycle < 20; ++cycle) last = held_for(10 * kMiB, 30'000);
  EXPECT_LT(last, first / 4) << "holding costs more than faulting in again";
  for (int cycle = 0; cycle < 20; ++cycle) last = held_for(5 * kMiB, 100);
  EXPECT_EQ(last, 100u) << "faulting in again costs more than holding";
  give_back(idle_blocks.take(5 * kMiB));
}

// Held as in static mode, whatever is learned; but it is, and in force as soon as it may be.
TEST_F(IdleBlocksTest, ShadowActsAsStaticAndLearns) {
  constexpr std::size_t kBytes = 12 * kMiB;
  settings.learn = Learn::kShadow;
  boot_learning();
  double paid_s = learning.learner().regret().paid_s();
  for (int cycle = 0; cycle < 20; ++cycle) {
    EXPECT_NEAR(static_cast<double>(held_for(kBytes, 30'000)), static_cast<double>(settings.purge_delay_ms), 2 * kStepMs);
    if (cycle != 0) {
      EXPECT_GT(learning.learner().regret().paid_s(), paid_s) << "each reuse is scored";
    }
    paid_s = learning.learner().regret().paid_s();
  }
  settings.learn = Learn::kOn;
  EXPECT_LT(held_for(kBytes, 30'000), settings.purge_delay_ms / 2);
  forget_marks(kBytes, 1);
}

TEST_F(IdleBlocksTest, CostsAreMeasuredWhenTheProcessHasLivedForAWhile) {
  settings.learn = Learn::kOn;
  boot_learning();
  learning.set_costs(learn::CostModel{});
  os::advance_clock_for_test(61'000);  // from what was measured before in this process
  boot_learning();
  idle_blocks.tick(os::now_ms());
  EXPECT_EQ(learning.costs().fault_s, learn::CostModel{}.fault_s);
  os::advance_clock_for_test(11'000);
  idle_blocks.tick(os::now_ms());
  EXPECT_NE(learning.costs().fault_s, learn::CostModel{}.fault_s);
  learning.set_costs(learn::CostModel{});
}

TEST_F(IdleBlocksTest, NothingIsMeasuredForASmallHeapInALongRegion) {
  boot_known_costs(true);
  give_back(make_run(knobs::kMeasuredFrom));
  run_store.purge(os::now_ms(), true);
  ASSERT_GE(run_store.mapped_bytes(), knobs::kMeasuredFrom);
  ASSERT_LT(commitment.bytes(), knobs::kMeasuredFrom);
  measure_small_pages_once();
  learn::CostModel costs;
  EXPECT_FALSE(take_first_measured(&costs));
}

TEST_F(IdleBlocksTest, WhatIsMeasuredOnceTheHeapHasGrownIsTheLearnersToo) {
  boot_known_costs(true);
  learning.set_costs(learn::CostModel{});
  hakmem::Run* run = make_run(knobs::kMeasuredFrom);
  measure_small_pages_once();
  give_back(run);
  idle_blocks.tick(os::now_ms());
  EXPECT_NE(learning.costs().fault_s, learn::CostModel{}.fault_s);
  EXPECT_EQ(learning.costs().fault_s, known_costs().fault_s);
  learning.set_costs(learn::CostModel{});
  idle_blocks.tick(os::now_ms());
  EXPECT_EQ(learning.costs().fault_s, learn::CostModel{}.fault_s) << "told once";
}

TEST_F(IdleBlocksTest, CostsAreMeasuredWhenTheBillIsLarge) {
  settings.learn = Learn::kOn;
  learning.set_costs(learn::CostModel{});
  os::advance_clock_for_test(61'000);
  boot_learning();
  os::advance_clock_for_test(1'000);
  hakmem::Run* run = make_run(kLength);
  for (unsigned i = 0; i < 500; ++i) {
    idle_blocks.keep(run, os::now_ms() - 500);
    run = idle_blocks.take(kLength);
    ASSERT_NE(run, nullptr);
  }
  give_back(run);
  idle_blocks.tick(os::now_ms());
  EXPECT_NE(learning.costs().fault_s, learn::CostModel{}.fault_s);
  learning.set_costs(learn::CostModel{});
}

// Under a rule of another allocator: boots the learning with it, and back.
class StackRules : public IdleBlocksTest {
 protected:
  void SetUp() override {
    IdleBlocksTest::SetUp();
    settings.learn = Learn::kOn;
  }
  void TearDown() override {
    boot_learning();
    IdleBlocksTest::TearDown();
  }

  static void choose(const char* selector) {
    learn::SelectorChoice choice;
    ASSERT_TRUE(learn::parse_selector(selector, choice));
    boot_learning(choice);
  }
  static void pass_a_second() {
    os::advance_clock_for_test(1000);
    idle_blocks.tick(os::now_ms());
  }
  static void keep_new(std::size_t bytes, unsigned count) {
    std::vector<hakmem::Run*> runs;  // all of them first: making one may lend what is idle
    for (unsigned i = 0; i < count; ++i) runs.push_back(make_run(bytes));
    for (hakmem::Run* run : runs) idle_blocks.keep(run, os::now_ms());
  }
};

TEST_F(StackRules, LowWaterGivesBackWhatASecondDidNotNeed) {
  choose("low-water");
  pass_a_second();
  keep_new(kLength, 3);
  pass_a_second();
  EXPECT_EQ(idle_blocks.held_bytes(), 3 * kLength) << "they came within this second";
  hakmem::Run* used = idle_blocks.take(kLength);
  ASSERT_NE(used, nullptr);
  idle_blocks.keep(used, os::now_ms());
  pass_a_second();
  EXPECT_EQ(idle_blocks.held_bytes(), kLength) << "one was needed";
  EXPECT_EQ(idle_blocks.take(kLength), used);
  give_back(used);
  forget_marks(kLength, 2);
}

TEST_F(StackRules, PeakWaitsForTenSeconds) {
  choose("peak");
  pass_a_second();
  keep_new(kLength, 2);
  for (unsigned second = 0; second < 10; ++second) {
    EXPECT_EQ(idle_blocks.held_bytes(), 2 * kLength) << second;
    pass_a_second();
  }
  pass_a_second();
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  forget_marks(kLength, 2);
}

TEST_F(StackRules, GlibcGivesBackAtOnceWhatIsLongAndAllWhenItIsMuch) {
  choose("glibc");
  keep_new(kLength, 1);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u) << "as long as the threshold, which rises";
  keep_new(kLength, 2);
  EXPECT_EQ(idle_blocks.held_bytes(), 2 * kLength);
  idle_blocks.give_all_back();
  keep_new(kLength, 3);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u) << "more than twice the threshold";
  forget_marks(kLength, 6);
}

TEST_F(StackRules, ARuleThatMayNotActDoesNot) {
  choose("glibc");
  settings.learn = Learn::kShadow;
  keep_new(kLength, 1);
  EXPECT_EQ(idle_blocks.held_bytes(), kLength);
  idle_blocks.give_all_back();
  forget_marks(kLength, 1);
}

}  // namespace
}  // namespace hakmem
