// Run store: random use against a model, and what it promises about zeroed, dirty and old memory.
#include "pages/run_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "config/live_knobs.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/release_budget.hpp"
#include "pages/run_store_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::uint64_t kMiBInGranules = kMiB / kGranuleBytes;

bool all_zero(const Run* run) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(run->start());
  for (std::size_t i = 0; i < run->bytes() / sizeof *words; i += 64) {
    if (words[i] != 0) return false;
  }
  return true;
}

// What is in use, by first granule; every granule of a run carries the run's stamp.
class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void step() {
    switch (random_() % 6) {
      case 0: grow(); break;
      case 1: shrink(); break;
      case 2: release(); break;
      case 3: if (used_.size() > 60) release(); break;
      default: add();
    }
  }

  void release_all() {
    while (!used_.empty()) release();
  }

  std::uint64_t granules() const { return granules_; }

 private:
  using Used = std::map<std::uint64_t, std::pair<Run*, std::uint64_t>>;

  void stamp(Run* run, std::uint64_t from, std::uint64_t value) {
    for (std::uint64_t i = from; i < count_of(run->count); ++i) first_word(run->first + i) = value;
  }

  void check(Run* run, std::uint64_t value) {
    for (std::uint64_t i = 0; i < count_of(run->count); ++i) {
      ASSERT_EQ(first_word(run->first + i), value) << "somebody else wrote here";
      ASSERT_EQ(page_map.tag_of(run->first + i), tag_for(Kind::kBusy));
    }
  }

  void add() {
    const std::uint64_t count = 1 + random_() % (random_() % 8 == 0 ? 300 : 20);
    const std::uint64_t alignment = std::uint64_t{1} << random_() % (random_() % 4 == 0 ? 8 : 1);
    const AllocatedRun got = run_store.allocate(Granules{count}, Granules{alignment});
    ASSERT_NE(got.run, nullptr);
    ASSERT_EQ(index_of(got.run->first) % alignment, 0u);
    ASSERT_EQ(count_of(got.run->count), count);
    const std::uint64_t first = index_of(got.run->first);
    const auto right = used_.lower_bound(first);
    if (right != used_.end()) {
      ASSERT_LE(first + count, right->first);
    }
    if (right != used_.begin()) {
      const auto left = std::prev(right);
      ASSERT_LE(left->first + count_of(left->second.first->count), first);
    }
    if (got.zeroed) {
      ASSERT_TRUE(all_zero(got.run));
    }
    used_[first] = {got.run, ++stamps_};
    stamp(got.run, 0, stamps_);
    granules_ += count;
  }

  Used::iterator any() { return std::next(used_.begin(), static_cast<std::ptrdiff_t>(random_() % used_.size())); }

  void release() {
    if (used_.empty()) return;
    const auto chosen = any();
    const auto [run, value] = chosen->second;
    check(run, value);
    granules_ -= count_of(run->count);
    used_.erase(chosen);
    run_store.release(run);
  }

  void grow() {
    if (used_.empty()) return;
    const auto [run, value] = any()->second;
    const std::uint64_t old = count_of(run->count);
    const std::uint64_t wanted = old + 1 + random_() % 30;
    if (!run_store.extend(run, Granules{wanted}, tag_for(Kind::kBusy))) {
      ASSERT_EQ(count_of(run->count), old);
      return;
    }
    ASSERT_EQ(count_of(run->count), wanted);
    const auto right = used_.upper_bound(index_of(run->first));
    if (right != used_.end()) {
      ASSERT_LE(index_of(run->first) + wanted, right->first);
    }
    stamp(run, old, value);
    granules_ += wanted - old;
  }

  void shrink() {
    if (used_.empty()) return;
    const auto [run, value] = any()->second;
    const std::uint64_t old = count_of(run->count);
    if (old == 1) return;
    run_store.shrink(run, Granules{1 + random_() % (old - 1)});
    granules_ -= old - count_of(run->count);
    check(run, value);
  }

  std::mt19937_64 random_;
  Used used_;
  std::uint64_t stamps_ = 0;
  std::uint64_t granules_ = 0;
};

// Invariants (1) to (4), after every step of random use with an occasional purge.
TEST_F(RunStoreTest, DirtyGranulesServeBeforeCleanOnes) {
  if (run_store.unit_use().wanted_bytes != 0) GTEST_SKIP() << "not so in regions with huge pages";
  hakmem::Run* const left = allocate_run(8);
  hakmem::Run* const dirty = allocate_run(8);
  hakmem::Run* const right = allocate_run(8);
  const Granule first = dirty->first;
  run_store.release(left, true);
  run_store.release(dirty);
  run_store.release(right, true);
  ASSERT_EQ(dirty_bytes(), 8 * kGranuleBytes);
  hakmem::Run* const got = allocate_run(3);  // from the middle of a run that begins and ends clean
  EXPECT_EQ(got->first, first);
  hakmem::Run* const longer = allocate_run(6);
  EXPECT_TRUE(longer->first + longer->count <= first || longer->first >= first + 8)
      << "five dirty granules do not hold six";
  EXPECT_EQ(dirty_bytes(), 5 * kGranuleBytes);
  run_store.release(got);
  run_store.release(longer);
}

TEST_F(RunStoreTest, WhatGrowingTakesIsTimed) {
  const std::uint64_t before = run_store.growth_ns();
  hakmem::Run* const small = allocate_run(1);
  hakmem::Run* const large = allocate_run(run_store.mapped_bytes() / kGranuleBytes + 1);
  EXPECT_GT(run_store.growth_ns(), before);
  run_store.release(small, true);
  run_store.release(large, true);
}

TEST_F(RunStoreTest, FollowsAModel) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const RunUse before = run_store.use();
    const std::size_t in_use = before.in_use_bytes();
    Model model(seed);
    for (int step = 0; step < 1500; ++step) {
      model.step();
      if (step % 97 == 0) run_store.purge(os::now_ms(), step % 2 == 0);
      if (step % 50 == 0) run_store.unmap_free();
      ASSERT_TRUE(run_store.check_invariants()) << "seed " << seed << ", step " << step;
      const RunUse use = run_store.use();
      ASSERT_EQ(use.in_use_bytes(), in_use + model.granules() * kGranuleBytes);
      ASSERT_LE(use.dirty_bytes, use.free_bytes);
      if (HasFatalFailure()) return;
    }
    model.release_all();
    ASSERT_EQ(run_store.use().in_use_bytes(), in_use);
  }
}

TEST_F(RunStoreTest, PurgedMemoryIsZeroAndKnownToBe) {
  hakmem::Run* run = allocate_run(40);
  make_dirty(run);
  run_store.release(run);
  EXPECT_GE(dirty_bytes(), 40 * kGranuleBytes);
  const std::uint64_t purged = run_store.use().purged_bytes;
  purge_all();
  EXPECT_EQ(dirty_bytes(), 0u);
  EXPECT_GE(run_store.use().purged_bytes, purged + 40 * kGranuleBytes);
  const AllocatedRun again = run_store.allocate(Granules{40});
  EXPECT_TRUE(again.zeroed);
  EXPECT_TRUE(all_zero(again.run));
  run_store.release(again.run, true);
  const bool may_share_huge_pages = run_store.unit_use().wanted_bytes != 0;
  EXPECT_LT(dirty_bytes(), may_share_huge_pages ? 40 * kGranuleBytes : 1) << "its holder said that it is clean";
}

TEST_F(RunStoreTest, DirtyMemoryIsReusedFirstAndNotCalledZero) {
  hakmem::Run* run = allocate_run(7);
  make_dirty(run);
  const Granule first = run->first;
  hakmem::Run* const wall = allocate_run(1);
  run_store.release(run);
  const AllocatedRun again = run_store.allocate(Granules{7});
  EXPECT_FALSE(again.zeroed && !all_zero(again.run));
  EXPECT_EQ(again.run->first, first) << "best fit";
  EXPECT_FALSE(again.zeroed);
  run_store.release(again.run);
  run_store.release(wall);
}

TEST_F(RunStoreTest, NeighboursCoalesce) {
  hakmem::Run* const whole = allocate_run(64);
  const Granule first = whole->first;
  run_store.release(whole, true);
  std::vector<hakmem::Run*> pieces;
  for (int i = 0; i < 16; ++i) pieces.push_back(allocate_run(4));
  for (const std::size_t i : std::initializer_list<std::size_t>{3, 1, 2, 0, 15, 9, 11, 10, 5, 4, 6, 8, 7, 12, 14, 13}) {
    run_store.release(pieces[i], i % 2 == 0);
    ASSERT_TRUE(run_store.check_invariants()) << i;
  }
  hakmem::Run* const again = allocate_run(64);
  EXPECT_EQ(again->first, first);
  run_store.release(again);
}

TEST_F(RunStoreTest, ExtendTakesTheFreeRightNeighbourOnly) {
  hakmem::Run* const whole = allocate_run(32, 32);
  const Granule first = whole->first;
  run_store.shrink(whole, Granules{8});
  EXPECT_TRUE(run_store.extend(whole, Granules{32}, tag_for(Kind::kBusy)));
  EXPECT_EQ(page_map.tag_of(first + 31), tag_for(Kind::kBusy));
  run_store.shrink(whole, Granules{31});
  ASSERT_TRUE(run_store.extend(whole, Granules{32}, tag_for(Kind::kBusy)));
  run_store.shrink(whole, Granules{16});
  hakmem::Run* const beside = run_store.allocate(Granules{16}, Granules{16}).run;
  ASSERT_EQ(beside->first, first + 16) << "best fit, dirty first";
  EXPECT_FALSE(run_store.extend(whole, Granules{17}, tag_for(Kind::kBusy)));
  EXPECT_EQ(count_of(whole->count), 16u);
  run_store.release(beside);
  run_store.release(whole);
}

// Above the limit the oldest goes at once; nobody else may ever come by.
TEST_F(RunStoreTest, DirtyMemoryStaysBelowItsLimit) {
  std::vector<hakmem::Run*> runs;
  for (int i = 0; i < 60; ++i) {
    runs.push_back(allocate_run(2 * kMiBInGranules));
    make_dirty(runs.back());
  }
  for (hakmem::Run* run : runs) {
    run_store.release(run);
    ASSERT_LE(dirty_bytes(), knobs::kDirtyLimit);
  }
  EXPECT_GT(dirty_bytes(), 0u) << "what is below the limit may wait";
}

TEST_F(RunStoreTest, PurgeWaitsForTheDelay) {
  hakmem::Run* const run = allocate_run(5);
  make_dirty(run);
  run_store.release(run);
  run_store.purge(os::now_ms(), false);
  EXPECT_GE(dirty_bytes(), 5 * kGranuleBytes);
  // Whatever tests before this one have had: huge pages, whose parts wait longer, or many releases.
  const std::uint64_t longer_ms = live_knobs.huge_hold_ms + release_budget.wait_ms();
  os::advance_clock_for_test(settings.purge_delay_ms + longer_ms + 1);
  run_store.purge(os::now_ms(), false);
  EXPECT_EQ(dirty_bytes(), 0u);
}

// Two threads allocate, dirty and release while a third purges: nobody's pages go while in use.
TEST_F(RunStoreTest, PurgingBesideAllocationTakesNobodysPages) {
  std::atomic<bool> done{false};
  std::atomic<int> lost{0};
  std::vector<std::thread> threads;
  for (unsigned id = 1; id <= 2; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(id);
      std::vector<hakmem::Run*> held;
      for (int i = 0; i < 3000; ++i) {
        const AllocatedRun got = run_store.allocate(Granules{1 + random() % 12});
        if (got.zeroed && !all_zero(got.run)) ++lost;
        for (std::uint64_t k = 0; k < count_of(got.run->count); ++k) first_word(got.run->first + k) = id;
        held.push_back(got.run);
        if (held.size() < 8) continue;
        std::swap(held[random() % held.size()], held.back());
        for (std::uint64_t k = 0; k < count_of(held.back()->count); ++k) {
          if (first_word(held.back()->first + k) != id) ++lost;
        }
        run_store.release(held.back());
        held.pop_back();
      }
      for (hakmem::Run* run : held) run_store.release(run);
    });
  }
  std::thread purger([&] {
    while (!done.load()) run_store.purge(os::now_ms(), true);
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  purger.join();
  EXPECT_EQ(lost.load(), 0);
}

}  // namespace
}  // namespace hakmem
