// Idle blocks: the newest of a class is used again, what is due goes back, and stacks are bounded.
#include "large/idle_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "thread/boot_hook.hpp"
#include "thread/housekeeping.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kLength = 2 * kMiB;

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

TEST_F(IdleBlocksTest, LengthsAreClassesInWholeGranules) {
  for (std::size_t bytes = 1; bytes <= 64 * kMiB; bytes += bytes / 7 + 1) {
    const std::size_t length = large_length(bytes);
    ASSERT_GE(length, bytes);
    ASSERT_EQ(length % kGranuleBytes, 0u);
    ASSERT_LE(length, bytes + bytes / 4 + kGranuleBytes) << bytes;
    ASSERT_EQ(large_length(length), length) << "a block serves what asks for all of it";
  }
}

TEST_F(IdleBlocksTest, KeepsTheNewestWhenOneBelowServesAnAlignedRequest) {
  constexpr std::size_t kAlignment = 2 * kLength;
  const AllocatedRun pair = run_store.allocate(granules_for(2 * kLength), granules_for(kAlignment));
  ASSERT_NE(pair.run, nullptr);
  pair.run->is_huge = false;
  run_store.shrink(pair.run, granules_for(kLength));
  hakmem::Run* unaligned = make_run(kLength);
  while (reinterpret_cast<std::uintptr_t>(unaligned->start()) % kAlignment == 0)
    unaligned = make_run(kLength);
  const std::uint64_t now = os::now_ms();
  idle_blocks.keep(pair.run, now);
  idle_blocks.keep(unaligned, now);
  hakmem::Run* taken = idle_blocks.take(kLength, kAlignment);
  EXPECT_EQ(taken, pair.run);
  EXPECT_EQ(idle_blocks.held_bytes(), kLength);
  EXPECT_EQ(idle_blocks.take(kLength), unaligned);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  give_back(taken);
  give_back(unaligned);
}

TEST_F(IdleBlocksTest, GivesTheNewestOfItsClass) {
  hakmem::Run* const first = make_run(kLength);
  hakmem::Run* const second = make_run(kLength);
  idle_blocks.keep(first, os::now_ms());
  idle_blocks.keep(second, os::now_ms());
  EXPECT_EQ(idle_blocks.held_bytes(), 2 * kLength);  // (2)
  EXPECT_EQ(idle_blocks.take(kLength - 100), second);
  EXPECT_EQ(idle_blocks.take(kLength), first);
  EXPECT_EQ(idle_blocks.take(kLength), nullptr);
  give_back(first);
  give_back(second);
}

TEST_F(IdleBlocksTest, GivesOnlyWhatIsAligned) {
  const AllocatedRun aligned = run_store.allocate(granules_for(kLength), granules_for(kLength));
  hakmem::Run* const next_to_it = make_run(kLength);
  aligned.run->is_huge = false;
  idle_blocks.keep(aligned.run, os::now_ms());
  EXPECT_EQ(idle_blocks.take(kLength, 64 * kGiB), nullptr);
  EXPECT_EQ(idle_blocks.take(kLength, kLength), aligned.run);
  give_back(aligned.run);
  give_back(next_to_it);
}

TEST_F(IdleBlocksTest, TheOldestMakesRoomForAMapping) {
  hakmem::Run* const older = make_run(kLength);
  hakmem::Run* const newer = make_run(3 * kMiB);
  idle_blocks.keep(older, os::now_ms());
  os::advance_clock_for_test(10);
  idle_blocks.keep(newer, os::now_ms());
  idle_blocks.make_room();
  EXPECT_EQ(idle_blocks.held_bytes(), 3 * kMiB);
  forget_marks(kLength, 1);
}

TEST_F(IdleBlocksTest, TheOldestAreLentBeforeFreshPagesAre) {
  constexpr std::size_t kSmall = 256 * kKiB;
  run_store.purge(os::now_ms(), true);
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < 4; ++i) runs.push_back(make_run(kSmall));
  for (hakmem::Run* run : runs) {
    idle_blocks.keep(run, os::now_ms());
    os::advance_clock_for_test(10);
  }
  std::byte* const oldest = runs.front()->start();
  const std::size_t committed = commitment.bytes();
  hakmem::Run* const slab = make_run(kGranuleBytes);
  EXPECT_EQ(slab->start(), oldest);
  EXPECT_EQ(idle_blocks.held_bytes(), 3 * kSmall);
  EXPECT_LT(commitment.bytes(), committed + kGranuleBytes) << "records at most";
  give_back(slab);
  idle_blocks.give_all_back();
  forget_marks(kSmall, 3);
}

// What has been given back, in this order.
constexpr std::size_t kMostGone = 64;
constinit std::size_t gone_count = 0;
constinit os::MemoryRange gone[kMostGone] = {};
std::size_t (*kernel_discard_ranges)(const os::MemoryRange*, std::size_t) = nullptr;

std::size_t discard_and_note(const os::MemoryRange* ranges, std::size_t count) {
  for (std::size_t i = 0; i < count && gone_count < kMostGone; ++i) gone[gone_count++] = ranges[i];
  return kernel_discard_ranges(ranges, count);
}

// kMostGone: it has not.
std::size_t when_gone(std::byte* start) {
  for (std::size_t i = 0; i < gone_count; ++i) {
    if (start >= gone[i].start && start < gone[i].start + gone[i].bytes) return i;
  }
  return kMostGone;
}

// More than a batch, of two classes, freed in turn.
TEST_F(IdleBlocksTest, TheOldestGoFirstAtTheSoftLimit) {
  constexpr unsigned kBlocks = 40;
  constexpr unsigned kFirst = 32;
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < kBlocks; ++i) runs.push_back(make_run(i % 2 == 0 ? kLength : 3 * kMiB));
  std::vector<std::byte*> starts;
  for (hakmem::Run* run : runs) {
    starts.push_back(run->start());
    os::advance_clock_for_test(10);
    idle_blocks.keep(run, os::now_ms());
  }
  kernel_discard_ranges = std::exchange(os::memory.discard_ranges, discard_and_note);
  gone_count = 0;
  commitment.set_limits(commitment.bytes(), SIZE_MAX, {});
  ASSERT_TRUE(commitment.is_over_soft());
  os::advance_clock_for_test(2 * knobs::kHousekeepingMs);
  do_what_is_due(nullptr, os::now_ms());
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  os::memory.discard_ranges = kernel_discard_ranges;
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  std::size_t last_of_first = 0;
  for (unsigned i = 0; i < kFirst; ++i) last_of_first = std::max(last_of_first, when_gone(starts[i]));
  for (unsigned i = kFirst; i < kBlocks; ++i) {
    EXPECT_LT(last_of_first, when_gone(starts[i])) << i;
    EXPECT_LT(when_gone(starts[i]), kMostGone) << i;
  }
  forget_marks(kLength, kBlocks / 2);
  forget_marks(3 * kMiB, kBlocks / 2);
}

TEST_F(IdleBlocksTest, AMuchLongerBlockIsNotLent) {
  run_store.purge(os::now_ms(), true);
  idle_blocks.keep(make_run(8 * kMiB), os::now_ms());
  hakmem::Run* const slab = make_run(kGranuleBytes);
  EXPECT_EQ(idle_blocks.held_bytes(), 8 * kMiB);
  hakmem::Run* const half = make_run(4 * kMiB);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  give_back(slab);
  give_back(half);
}

// 80 KiB and the like are no whole granules: their blocks are longer than their class.
TEST_F(IdleBlocksTest, EveryLengthIsFoundAgain) {
  for (std::size_t bytes = kMaxSmall + 1; bytes <= 64 * kMiB; bytes += bytes / 5 + 1) {
    hakmem::Run* const run = make_run(large_length(bytes));
    idle_blocks.keep(run, os::now_ms());
    ASSERT_EQ(idle_blocks.take(bytes), run) << bytes;
    give_back(run);
  }
}

TEST_F(IdleBlocksTest, ABlockGoesBackWhenItsHoldIsOver) {
  const std::size_t in_use = run_store.use().mapped_bytes - run_store.use().free_bytes;
  hakmem::Run* const run = make_run(kLength);
  const std::uint64_t now = os::now_ms();
  idle_blocks.keep(run, os::now_ms());
  EXPECT_LE(large_due_ms.load_relaxed(), now + 1010);
  idle_blocks.tick(now + 900);
  EXPECT_EQ(idle_blocks.held_bytes(), kLength) << "not yet";
  idle_blocks.tick(now + 1100);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  EXPECT_EQ(run_store.use().mapped_bytes - run_store.use().free_bytes, in_use);
  forget_marks(kLength, 1);
}

// A thread that has read the clock and waits for the lock finds what others have freed meanwhile.
TEST_F(IdleBlocksTest, ABlockFreedAfterTheClockWasReadHasWaitedForNoTime) {
  hakmem::Run* const run = make_run(kLength);
  idle_blocks.keep(run, os::now_ms() + 1000);
  bool soon = false;
  EXPECT_EQ(idle_blocks.take(kLength, kGranuleBytes, &soon), run);
  EXPECT_TRUE(soon);
  give_back(run);
}

TEST_F(IdleBlocksTest, ADeeperBlockLendsItsPagesWhereTheTopHasNone) {
  hakmem::Run* const first = make_run(kLength);
  idle_blocks.keep(first, os::now_ms());
  settings.purge_delay_ms = 0;
  idle_blocks.give_all_back();
  hakmem::Run* const second = make_run(kLength);
  idle_blocks.keep(second, os::now_ms());
  EXPECT_EQ(idle_blocks.take(kLength), second);
  EXPECT_EQ(idle_blocks.take(kLength), nullptr) << "the first's pages have gone";
  give_back(second);
}

TEST_F(IdleBlocksTest, AStackIsBoundedAndItsBottomMovesOn) {
  constexpr unsigned kMany = 1100;
  const std::uint64_t reuses = idle_blocks.use().reuses;
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < kMany; ++i) runs.push_back(make_run(kLength));
  for (hakmem::Run* run : runs) idle_blocks.keep(run, os::now_ms());
  EXPECT_LT(idle_blocks.held_bytes(), kMany * kLength);
  std::size_t found = 0;
  while (hakmem::Run* run = idle_blocks.take(kLength)) {
    ++found;
    give_back(run);
  }
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  EXPECT_GE(found, 1024u);
  EXPECT_EQ(idle_blocks.use().reuses - reuses, found);
}

TEST_F(IdleBlocksTest, WithoutAThreadToComeByTheRestIsLazilyFreed) {
  std::vector<hakmem::Run*> runs;
  for (std::size_t i = 0; i < 2 * knobs::kUnwatchedBytes / (8 * kMiB); ++i)
    runs.push_back(make_run(8 * kMiB));
  for (hakmem::Run* run : runs) idle_blocks.keep(run, os::now_ms());
  const IdleUse use = idle_blocks.use();
  EXPECT_EQ(use.resident_bytes, knobs::kUnwatchedBytes);
  EXPECT_EQ(use.lazy_bytes, knobs::kUnwatchedBytes);
  for (std::size_t i = 0; i < runs.size(); ++i) give_back(idle_blocks.take(8 * kMiB));
}

// Blocks that come back after half a minute are not worth holding for as long as the first guess says;
// those that come back after a moment are held until then.
TEST_F(IdleBlocksTest, LearnsHowLongAClassIsWorthHolding) {
  settings.learn = Learn::kOn;
  learning.boot(learn::SelectorChoice{});
  constexpr std::uint64_t kStepMs = 50;
  const auto held_for = [](std::size_t bytes, std::uint64_t pause_ms) {
    hakmem::Run* run = idle_blocks.take(bytes);
    if (run == nullptr) run = make_run(large_length(bytes));
    idle_blocks.keep(run, os::now_ms());
    std::uint64_t held_ms = 0;
    for (std::uint64_t passed = 0; passed < pause_ms; passed += kStepMs) {
      os::advance_clock_for_test(kStepMs);
      idle_blocks.tick(os::now_ms());
      if (idle_blocks.held_bytes() != 0) held_ms = passed + kStepMs;
    }
    return held_ms;
  };
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
  constexpr std::uint64_t kStepMs = 50;
  settings.learn = Learn::kShadow;
  learning.boot(learn::SelectorChoice{});
  const auto held_for = [](std::uint64_t pause_ms) {
    hakmem::Run* run = idle_blocks.take(kBytes);
    if (run == nullptr) run = make_run(large_length(kBytes));
    idle_blocks.keep(run, os::now_ms());
    std::uint64_t held_ms = 0;
    for (std::uint64_t passed = 0; passed < pause_ms; passed += kStepMs) {
      os::advance_clock_for_test(kStepMs);
      idle_blocks.tick(os::now_ms());
      if (idle_blocks.held_bytes() != 0) held_ms = passed + kStepMs;
    }
    return held_ms;
  };
  double paid_s = learning.learner().regret().paid_s();
  for (int cycle = 0; cycle < 20; ++cycle) {
    EXPECT_NEAR(static_cast<double>(held_for(30'000)), static_cast<double>(settings.purge_delay_ms), 2 * kStepMs);
    if (cycle != 0) {
      EXPECT_GT(learning.learner().regret().paid_s(), paid_s) << "each reuse is scored";
    }
    paid_s = learning.learner().regret().paid_s();
  }
  settings.learn = Learn::kOn;
  EXPECT_LT(held_for(30'000), settings.purge_delay_ms / 2);
  forget_marks(kBytes, 1);
}

TEST_F(IdleBlocksTest, CostsAreMeasuredWhenTheProcessHasLivedForAWhile) {
  settings.learn = Learn::kOn;
  learning.boot(learn::SelectorChoice{});
  learning.set_costs(learn::CostModel{});
  os::advance_clock_for_test(61'000);  // from what was measured before in this process
  learning.boot(learn::SelectorChoice{});
  idle_blocks.tick(os::now_ms());
  EXPECT_EQ(learning.costs().fault_s, learn::CostModel{}.fault_s);
  os::advance_clock_for_test(11'000);
  idle_blocks.tick(os::now_ms());
  EXPECT_NE(learning.costs().fault_s, learn::CostModel{}.fault_s);
  learning.set_costs(learn::CostModel{});
}

TEST_F(IdleBlocksTest, CostsAreMeasuredWhenTheBillIsLarge) {
  settings.learn = Learn::kOn;
  learning.set_costs(learn::CostModel{});
  os::advance_clock_for_test(61'000);
  learning.boot(learn::SelectorChoice{});
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
    learning.boot(learn::SelectorChoice{});
    IdleBlocksTest::TearDown();
  }

  static void choose(const char* selector) {
    learn::SelectorChoice choice;
    ASSERT_TRUE(learn::parse_selector(selector, choice));
    learning.boot(choice);
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

TEST_F(IdleBlocksTest, LendsOnlyWhatLiesInTheNodesMemory) {
  hakmem::Run* run = make_run(kLength);
  constexpr os::Node kOther{1};
  const os::Node own = run->node;
  ASSERT_NE(own, kOther);
  idle_blocks.keep(run, os::now_ms());
  const std::size_t held = idle_blocks.held_bytes();
  EXPECT_FALSE(idle_blocks.lend(kLength, kOther)) << "it would not find its pages";
  EXPECT_EQ(idle_blocks.held_bytes(), held);
  EXPECT_TRUE(idle_blocks.lend(kLength, own));
  EXPECT_LT(idle_blocks.held_bytes(), held);
}

}  // namespace
}  // namespace hakmem
