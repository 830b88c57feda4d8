// No 64-byte line may hold live blocks of two threads: counted, since on one core's siblings it
// cannot be timed.
//
// Active: threads allocate small blocks at the same time. Passive: one thread allocates
// neighbouring blocks and hands them out; each receiver frees its own and allocates as many again,
// and must not be given them back in a line that it shares with another receiver.
#include <gtest/gtest.h>

#include <barrier>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <vector>

#include "support/opaque.hpp"

namespace {

using support::opaque;

constexpr std::size_t kLine = 64;
constexpr std::size_t kThreads = 4;

using Blocks = std::vector<void*>;

Blocks allocate(std::size_t count, std::size_t size) {
  Blocks blocks(count);
  for (void*& block : blocks) std::memset(block = std::malloc(opaque(size)), 1, size);
  return blocks;
}

void free_all(const Blocks& blocks) {
  for (void* block : blocks) std::free(block);
}

// Lines that hold bytes of blocks of at least two owners.
std::size_t count_shared_lines(const std::vector<Blocks>& of_owner, std::size_t size) {
  std::unordered_map<std::uintptr_t, std::size_t> owner_of_line;
  std::size_t shared = 0;
  for (std::size_t owner = 0; owner < of_owner.size(); ++owner) {
    for (void* block : of_owner[owner]) {
      const auto start = reinterpret_cast<std::uintptr_t>(block);
      for (std::uintptr_t line = start / kLine; line <= (start + size - 1) / kLine; ++line) {
        const auto [entry, is_new] = owner_of_line.emplace(line, owner);
        shared += !is_new && entry->second != owner;
      }
    }
  }
  return shared;
}

// Runs `work(thread index)` in all threads at once; they end only when all have done their work.
template <class Work>
void run_together(Work work) {
  std::barrier together(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      together.arrive_and_wait();
      work(i);
      together.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class FalseSharing : public testing::TestWithParam<std::size_t> {};

TEST_P(FalseSharing, TheCounterCountsWhatIsShared) {
  const Blocks blocks = allocate(1000, GetParam());
  std::vector<Blocks> dealt(2);
  for (std::size_t i = 0; i < blocks.size(); ++i) dealt[i % 2].push_back(blocks[i]);
  EXPECT_EQ(count_shared_lines({blocks}, GetParam()), 0u);
  EXPECT_GT(count_shared_lines(dealt, GetParam()), 0u);
  free_all(blocks);
}

TEST_P(FalseSharing, Active) {
  std::vector<Blocks> of_thread(kThreads);
  run_together([&](std::size_t i) {
    for (int round = 0; round < 20; ++round) {
      free_all(of_thread[i]);
      of_thread[i] = allocate(300, GetParam());
    }
  });
  EXPECT_EQ(count_shared_lines(of_thread, GetParam()), 0u);
  for (const Blocks& blocks : of_thread) free_all(blocks);
}

TEST_P(FalseSharing, Passive) {
  const Blocks dealt = allocate(400 * kThreads, GetParam());
  std::vector<Blocks> of_thread(kThreads);
  for (std::size_t i = 0; i < dealt.size(); ++i) of_thread[i % kThreads].push_back(dealt[i]);
  run_together([&](std::size_t i) {
    for (int round = 0; round < 20; ++round) {
      for (void*& block : of_thread[i]) {
        std::free(block);
        std::memset(block = std::malloc(opaque(GetParam())), 1, GetParam());
      }
    }
  });
  EXPECT_EQ(count_shared_lines(of_thread, GetParam()), 0u);
  for (const Blocks& blocks : of_thread) free_all(blocks);
}

INSTANTIATE_TEST_SUITE_P(Bytes, FalseSharing, testing::Values(8, 16, 24, 32, 48),
                         testing::PrintToStringParamName());

}  // namespace
