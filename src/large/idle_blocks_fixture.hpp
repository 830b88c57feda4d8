// The fixture of the tests of idle blocks: none are idle before and after, and every block is held for the purge
// delay unless a test lets something else decide.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "large/idle_blocks.hpp"
#include "large/learning.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/run_store_fixture.hpp"
#include "thread/boot_hook.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

inline constexpr std::size_t kLength = 2 * kMiB;

// While one lives, notes what is given back, in order.
class ReleaseOrder {
 public:
  ReleaseOrder() : kernel_(std::exchange(os::memory.discard_ranges, discard_and_note)) {
    next_ = kernel_;
    count_ = 0;
  }
  ~ReleaseOrder() { os::memory.discard_ranges = kernel_; }
  ReleaseOrder(const ReleaseOrder&) = delete;
  ReleaseOrder& operator=(const ReleaseOrder&) = delete;

  static constexpr std::size_t kMost = 128;

  // kMost: it has not been given back.
  static std::size_t when_gone(const std::byte* start) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (start >= gone_[i].start && start < gone_[i].start + gone_[i].bytes) return i;
    }
    return kMost;
  }

 private:
  using Discard = std::size_t (*)(const os::MemoryRange*, std::size_t);

  static std::size_t discard_and_note(const os::MemoryRange* ranges, std::size_t count) {
    for (std::size_t i = 0; i < count && count_ < kMost; ++i) gone_[count_++] = ranges[i];
    return next_(ranges, count);
  }

  inline static std::size_t count_ = 0;
  inline static os::MemoryRange gone_[kMost] = {};
  inline static Discard next_ = nullptr;
  const Discard kernel_;
};

class IdleBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    boot_known_costs(false);  // no pages but the blocks' own are freed lazily
    idle_blocks.give_all_back();
    fill_release_budget();
    idle_blocks.forget_notes_for_test();
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
    learning.set_costs(learn::CostModel{});
    learning.boot(choice);
    idle_blocks.forget_notes_for_test();
  }

  static hakmem::Run* make_run(std::size_t bytes) {
    hakmem::Run* run = run_store.allocate(granules_for(bytes)).run;
    if (run == nullptr) std::abort();
    run->kind = Kind::kLarge;
    return run;
  }

  // The first so many of `starts` before the others, and all.
  static void expect_gone_first(const std::vector<std::byte*>& starts, std::size_t first) {
    std::size_t last_of_first = 0;
    for (std::size_t i = 0; i < first; ++i) last_of_first = std::max(last_of_first, ReleaseOrder::when_gone(starts[i]));
    for (std::size_t i = first; i < starts.size(); ++i) {
      EXPECT_LT(last_of_first, ReleaseOrder::when_gone(starts[i])) << i;
      EXPECT_LT(ReleaseOrder::when_gone(starts[i]), ReleaseOrder::kMost) << i;
    }
  }

  static void forget_marks(std::size_t bytes, unsigned count) {
    for (unsigned i = 0; i < count; ++i) EXPECT_EQ(idle_blocks.take(bytes), nullptr);
  }

 private:
  Settings before_;
};

}  // namespace hakmem
