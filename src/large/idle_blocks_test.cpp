// Idle blocks: the newest of a class is used again, what is due goes back, and stacks are bounded.
#include "large/idle_blocks_fixture.hpp"

#include <set>
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
  pair.run->kind = Kind::kLarge;
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
  aligned.run->kind = Kind::kLarge;
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

// Alone none of them is long enough.
TEST_F(IdleBlocksTest, SeveralTimesWhatIsWantedIsLentBeforeFreshPagesAreUsed) {
  if (run_store.unit_use().wanted_bytes != 0) GTEST_SKIP() << "not for so short a run in regions with huge pages";
  constexpr std::size_t kSmall = 256 * kKiB;
  run_store.purge(os::now_ms(), true);
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < 40; ++i) runs.push_back(make_run(kSmall));
  for (hakmem::Run* run : runs) {
    idle_blocks.keep(run, os::now_ms());
    os::advance_clock_for_test(10);
  }
  const std::size_t committed = commitment.bytes();
  hakmem::Run* const longer = make_run(3 * kSmall);
  std::set<const hakmem::Run*> left;
  idle_blocks.look([&](const hakmem::Run& run, learn::ContextId, bool) { left.insert(&run); }, [] {});
  EXPECT_EQ(left, std::set<const hakmem::Run*>(runs.begin() + 3 * 8, runs.end())) << "the oldest go";
  EXPECT_LT(commitment.bytes(), committed + kGranuleBytes) << "records at most";
  give_back(longer);
  idle_blocks.give_all_back();
  forget_marks(kSmall, 40);
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
  const ReleaseOrder order;
  commitment.set_limits(commitment.bytes(), SIZE_MAX, {});
  ASSERT_TRUE(commitment.is_over_soft());
  os::advance_clock_for_test(2 * knobs::kHousekeepingMs);
  do_what_is_due(nullptr, os::now_ms());
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  expect_gone_first(starts, kFirst);
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

// What has come back twice is expected to come back.
TEST_F(IdleBlocksTest, AnyLengthIsLentWhereItsKindHasNotComeBack) {
  constexpr std::size_t kLong = 14 * kMiB;  // a class of its own here
  const Learn before = std::exchange(settings.learn, Learn::kOn);
  run_store.purge(os::now_ms(), true);
  idle_blocks.keep(make_run(kLong), os::now_ms());
  hakmem::Run* const borrower = make_run(kGranuleBytes);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  run_store.purge(os::now_ms(), true);
  idle_blocks.keep(make_run(kLong), os::now_ms());
  for (int i = 0; i < 2; ++i) {
    os::advance_clock_for_test(10);
    hakmem::Run* const back = idle_blocks.take(kLong);
    ASSERT_NE(back, nullptr);
    idle_blocks.keep(back, os::now_ms());
  }
  run_store.purge(os::now_ms(), true);
  hakmem::Run* const other = make_run(kGranuleBytes);
  EXPECT_EQ(idle_blocks.held_bytes(), kLong) << "not lent";
  idle_blocks.give_all_back();
  give_back(borrower);
  give_back(other);
  settings.learn = before;
}

// A short run fits beside what is in use of a huge page, which is resident already.
TEST_F(IdleBlocksTest, WhereHugePagesAreOnlyLargeRequestsBorrow) {
  if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
  const HugePagePolicy before = std::exchange(settings.huge_pages, HugePagePolicy::kAlways);
  std::vector<hakmem::Run*> others;
  const std::size_t wanted = run_store.unit_use().wanted_bytes;
  while (run_store.unit_use().wanted_bytes == wanted) others.push_back(make_run(kLength));
  hakmem::Run* const idle = make_run(kLength);
  std::byte* const start = idle->start();
  idle_blocks.keep(idle, os::now_ms());
  hakmem::Run* const slab = make_run(kGranuleBytes);
  EXPECT_EQ(idle_blocks.held_bytes(), kLength);
  hakmem::Run* const half = make_run(kLength / 2);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  EXPECT_EQ(half->start(), start);
  settings.huge_pages = before;
  give_back(slab);
  give_back(half);
  for (hakmem::Run* run : others) give_back(run);
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
  const std::size_t in_use = run_store.use().in_use_bytes();
  hakmem::Run* const run = make_run(kLength);
  const std::uint64_t now = os::now_ms();
  idle_blocks.keep(run, os::now_ms());
  EXPECT_LE(large_due_ms.load_relaxed(), now + 1010);
  idle_blocks.tick(now + 900);
  EXPECT_EQ(idle_blocks.held_bytes(), kLength) << "not yet";
  idle_blocks.tick(now + 1100);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  EXPECT_EQ(run_store.use().in_use_bytes(), in_use);
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
  EXPECT_EQ(use.resident_bytes(), knobs::kUnwatchedBytes);
  EXPECT_EQ(use.lazy_bytes, knobs::kUnwatchedBytes);
  for (std::size_t i = 0; i < runs.size(); ++i) give_back(idle_blocks.take(8 * kMiB));
}

// What the kernel refuses stays beyond the limit.
TEST_F(IdleBlocksTest, BeyondTheLimitEachIsLookedAtOnce) {
  static unsigned asked = 0;
  asked = 0;
  const auto kernel = std::exchange(os::memory.free_lazily, [](std::byte*, std::size_t) { return ++asked == 0; });
  constexpr unsigned kBlocks = 2 * knobs::kUnwatchedBytes / kLength;
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < kBlocks; ++i) runs.push_back(make_run(kLength));
  for (hakmem::Run* run : runs) idle_blocks.keep(run, os::now_ms());
  EXPECT_EQ(asked, kBlocks);
  os::memory.free_lazily = kernel;
  for (unsigned i = 0; i < kBlocks; ++i) give_back(idle_blocks.take(kLength));
}

TEST_F(IdleBlocksTest, AnEntryThatGotOtherPagesIsOfferedAgain) {
  hakmem::Run* const first = make_run(kLength);
  hakmem::Run* const second = make_run(kLength);
  IdleStack stack;
  ASSERT_TRUE(stack.push({first, 0, 0, {}, false}));
  EXPECT_EQ(stack.offer_for_lazy(), &stack.at(0));
  EXPECT_EQ(stack.offer_for_lazy(), nullptr);
  ASSERT_TRUE(stack.push({second, 0, 0, {}, false}));
  EXPECT_EQ(stack.detach(stack.at(0)), first);
  stack.move_pages_down(stack.at(0));
  stack.drop_top();
  EXPECT_EQ(stack.offer_for_lazy(), &stack.at(0)) << "it has the second's, which are resident";
  EXPECT_EQ(stack.at(0).run, second);
  give_back(first);
  give_back(second);
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
