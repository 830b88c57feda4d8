// HAKMEM_MODE=adaptive under adversaries: phases, threads that swap roles, a class that appears
// once.
//
// What is asserted: no block is lost or handed out twice, caches stay within their bound, and the
// knobs change a bounded number of times.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "hakmem/hakmem.h"
#include "support/opaque.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct hak_stats stats_now() {
  struct hak_stats stats;
  hak_stats_get(&stats, sizeof stats);
  return stats;
}

// A block that knows its size and who filled it.
struct Block {
  std::size_t size;
  unsigned char mark;
};

Block* new_block(std::size_t size, unsigned char mark) {
  auto* block = static_cast<Block*>(std::malloc(support::opaque(size)));
  std::memset(static_cast<void*>(block), mark, size);
  *block = {size, mark};
  return block;
}

bool free_block(Block* block) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(block);
  const bool whole = bytes[block->size - 1] == block->mark;
  std::free(block);
  return whole;
}

// Each slot is filled by one thread and emptied by another; who does what turns round all the time.
class Roles {
 public:
  void run(unsigned threads, std::chrono::milliseconds time) {
    std::vector<std::thread> workers;
    const auto until = Clock::now() + time;
    for (unsigned i = 0; i < threads; ++i) workers.emplace_back([=, this] { work(i, until); });
    for (std::thread& worker : workers) worker.join();
    for (auto& slot : slots_) {
      Block* block = slot.exchange(nullptr);
      if (block != nullptr && !free_block(block)) damaged_ = true;
    }
  }
  bool damaged() const { return damaged_; }

 private:
  void work(unsigned self, Clock::time_point until) {
    std::uint32_t random = self + 1;
    for (unsigned phase = self; Clock::now() < until; ++phase) {
      const std::size_t base = phase % 3 == 0 ? 24 : phase % 3 == 1 ? 800 : 9000;
      for (unsigned turn = 0; turn < 20000; ++turn) {
        random = random * 1664525 + 1013904223;
        auto& slot = slots_[(random >> 8) % kSlots];
        Block* mine = phase % 2 == 0
                          ? new_block(base + random % 64, static_cast<unsigned char>(self))
                          : nullptr;
        Block* theirs = slot.exchange(mine);
        if (theirs != nullptr && !free_block(theirs)) damaged_ = true;
      }
    }
  }

  static constexpr std::size_t kSlots = 4096;
  std::vector<std::atomic<Block*>> slots_{kSlots};
  std::atomic<bool> damaged_{false};
};

TEST(Adaptive, IsInForceHere) { EXPECT_EQ(stats_now().knobs_adapt, 1u); }

TEST(Adaptive, SwappedRolesAndPhasesLoseNothingAndStayWithinTheBound) {
  Roles roles;
  const auto begin = Clock::now();
  std::thread watcher([&] {
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const struct hak_stats stats = stats_now();
      // What inboxes bring comes on top: 256 KiB to 4 MiB a class and thread; a fraction of it
      // here.
      EXPECT_LE(stats.cached_bytes, stats.spare_bound_bytes + (64u << 20));
      EXPECT_LE(stats.spare_unclaimed_bytes, stats.spare_bound_bytes);
    }
  });
  roles.run(8, std::chrono::milliseconds(1500));
  watcher.join();
  EXPECT_FALSE(roles.damaged());
  const struct hak_stats stats = stats_now();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  EXPECT_LE(stats.knob_changes, static_cast<unsigned>(10 * seconds) + 1)
      << "one for each interval of 100 ms";
  EXPECT_LE(stats.bundle_changes, static_cast<unsigned>(stats.class_count * (seconds + 1)));
}

TEST(Adaptive, AllowancesComeBackFromThreadsThatHaveLeft) {
  Roles roles;
  roles.run(4, std::chrono::milliseconds(300));
  hak_trim();
  const struct hak_stats stats = stats_now();
  EXPECT_GE(stats.spare_unclaimed_bytes + stats.spare_bound_bytes / 2, stats.spare_bound_bytes);
  EXPECT_LE(stats.spare_unclaimed_bytes, stats.spare_bound_bytes);
}

// 600 blocks of 3,000 bytes once, then only small ones: the cached ones of the class go home.
TEST(Adaptive, AClassThatAppearsOnceIsNotKept) {
  std::vector<void*> once(600);
  for (void*& block : once) block = std::malloc(support::opaque(std::size_t{3000}));
  for (void* block : once) std::free(block);
  const std::uint64_t emptied = stats_now().idle_classes_emptied;
  const auto give_up = Clock::now() + std::chrono::seconds(3);
  std::vector<void*> others(5000);
  while (stats_now().idle_classes_emptied == emptied && Clock::now() < give_up) {
    for (void*& block : others) block = std::malloc(support::opaque(std::size_t{64}));
    for (void* block : others) std::free(block);
  }
  EXPECT_GT(stats_now().idle_classes_emptied, emptied);
}

// More threads than the budget has first allowances for: each still works, and none takes more than
// there is.
TEST(Adaptive, ManyThreadsShareOneBudget) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        std::vector<void*> blocks(300);
        for (void*& block : blocks) block = std::malloc(support::opaque(std::size_t{4000}));
        for (void* block : blocks) std::free(block);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const struct hak_stats stats = stats_now();
    EXPECT_LE(stats.cached_bytes, stats.spare_bound_bytes + (16u << 20));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
