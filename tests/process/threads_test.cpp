// Many threads: one after another, many at once, on tiny stacks. None of them leaves more than the
// first did.
#include <gtest/gtest.h>
#include <pthread.h>

#include <barrier>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/resident.hpp"
#include "support/rounds.hpp"

namespace {

using support::kMiB;
using support::opaque;

std::vector<void*> touched_blocks(std::size_t count, std::size_t step) {
  std::vector<void*> blocks(count);
  for (std::size_t i = 0; i < count; ++i)
    std::memset(blocks[i] = std::malloc(opaque(16 + i * step)), 1, 16 + i * step);
  return blocks;
}

void free_all(const std::vector<void*>& blocks) {
  for (void* block : blocks) std::free(block);
}

void run_one_after_another(int count) {
  for (int i = 0; i < count; ++i) {
    std::thread([] { free_all(touched_blocks(100, 100)); }).join();
  }
}

TEST(Threads, TenThousandOneAfterAnother) {
  run_one_after_another(100);
  const std::size_t first = support::resident_mib();
  run_one_after_another(9'900);
  EXPECT_LE(support::resident_mib(), first + 4);
}

// Each thread leaves half of its blocks behind, and the main thread frees them later.
TEST(Threads, TheirBlocksAreFreedAfterThem) {
  std::size_t first = 0;
  std::vector<void*> left;
  for (int i = 0; i < 5'000; ++i) {
    std::thread([&] {
      std::vector<void*> blocks = touched_blocks(60, 60);
      left.insert(left.end(), blocks.begin(), blocks.begin() + 30);
      blocks.erase(blocks.begin(), blocks.begin() + 30);
      free_all(blocks);
    }).join();
    if (i % 100 == 99) {
      free_all(left);
      left.clear();
    }
    if (i == (support::has_several_nodes() ? 2499 : 499)) first = support::resident_mib();
  }
  EXPECT_LE(support::resident_mib(), first + support::slack_mib());
}

// Resident sets in MiB while all threads of a round hold their blocks, and after they have gone.
struct Round {
  std::size_t peak;
  std::size_t after;
};

Round run_at_once(unsigned count) {
  std::barrier all_allocated(count + 1);
  std::barrier measured(count + 1);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      const std::vector<void*> blocks = touched_blocks(100, 50);
      all_allocated.arrive_and_wait();
      measured.arrive_and_wait();
      free_all(blocks);
    });
  }
  all_allocated.arrive_and_wait();
  Round round{support::resident_mib(), 0};
  measured.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  round.after = support::resident_mib();
  return round;
}

TEST(Threads, FiveHundredAtOnceInRounds) {
  // Slabs are cut from other places in each round, until all that may wait for the purge delay is touched.
  for (int round = 0; round < 4; ++round) run_at_once(500);
  const Round early = run_at_once(500);
  Round late = early;
  for (int round = 0; round < 6; ++round) late = run_at_once(500);
  EXPECT_LE(late.peak, early.peak + 48);
  EXPECT_LE(late.after, early.after + 48);
}

void* work_in_every_tier(void*) {
  for (int round = 0; round < 50; ++round) {
    for (std::size_t size = 1; size <= 8 * kMiB; size = size * 3 + 5) {
      void* block = std::calloc(1, opaque(size));
      block = std::realloc(block, opaque(size * 2));
      if (block == nullptr) return nullptr;
      std::free(block);
    }
    std::free(std::aligned_alloc(4096, opaque(std::size_t{10'000})));
  }
  return opaque(static_cast<void*>(const_cast<char*>("done")));
}

// The slow paths must fit the smallest stack a thread may have.
TEST(Threads, TinyStacks) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN)), 0);
  for (support::Rounds rounds(20); rounds.begin_next();) {
    pthread_t threads[8];
    for (pthread_t& thread : threads)
      ASSERT_EQ(pthread_create(&thread, &attributes, work_in_every_tier, nullptr), 0);
    for (pthread_t thread : threads) {
      void* result = nullptr;
      ASSERT_EQ(pthread_join(thread, &result), 0);
      EXPECT_NE(result, nullptr);
    }
  }
  pthread_attr_destroy(&attributes);
}

// How far down its stack a thread comes that runs `body` alone.
std::size_t stack_taken(void* (*body)(void*)) {
  constexpr unsigned char kPaint = 0xa5;
  constexpr std::size_t kBytes = 64 << 10;
  alignas(4096) static unsigned char stack[kBytes];
  std::memset(stack, kPaint, kBytes);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  EXPECT_EQ(pthread_attr_setstack(&attributes, stack, kBytes), 0);
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  std::size_t untouched = 0;
  while (untouched < kBytes && stack[untouched] == kPaint) ++untouched;
  return kBytes - untouched;
}

// The first malloc of the second thread looks at what the machine is like, and nothing else may.
TEST(Threads, TheSecondThreadsFirstMallocTakesLittleOfItsStack) {
  std::free(std::malloc(opaque(std::size_t{100})));  // bound, and this thread has the first heap
  const std::size_t without = stack_taken([](void*) -> void* { return nullptr; });
  const std::size_t with = stack_taken([](void*) -> void* {
    std::free(std::malloc(opaque(std::size_t{100})));
    return nullptr;
  });
  EXPECT_LT(with - without, 4096u);
  RecordProperty("bytes", static_cast<int>(with - without));
}

void* allocates_first(void*) { return std::malloc(opaque(std::size_t{100})); }

TEST(Threads, TheSecondThreadMayHaveTheSmallestStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN)), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, allocates_first, nullptr), 0);
  void* block = nullptr;
  ASSERT_EQ(pthread_join(thread, &block), 0);
  EXPECT_NE(block, nullptr);
  std::free(block);
  pthread_attr_destroy(&attributes);
}

TEST(Threads, DetachedAndCancelled) {
  for (int round = 0; round < 200; ++round) {
    pthread_t sleeper;
    ASSERT_EQ(pthread_create(
                  &sleeper, nullptr,
                  [](void*) -> void* {
                    free_all(touched_blocks(50, 200));
                    for (;;) support::sleep_ms(1000);
                  },
                  nullptr),
              0);
    pthread_cancel(sleeper);
    pthread_join(sleeper, nullptr);
    std::thread([] { free_all(touched_blocks(50, 200)); }).detach();
  }
  support::sleep_ms(100);
  free_all(touched_blocks(100, 100));
}

}  // namespace
