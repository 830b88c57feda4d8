// Random work on many live blocks: no two of them may share a byte, in one thread or in many.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"

namespace {

using support::opaque;
using Random = std::mt19937_64;

// Log-uniform from 16 bytes to 64 KiB, now and then up to 4 MiB.
std::size_t random_size(Random& random) {
  const std::size_t top = std::size_t{16} << random() % (random() % 256 == 0 ? 18 : 12);
  return top + random() % top;
}

// A block that knows its own size and seed, so that any thread can check it.
struct Block {
  std::size_t size;
  std::size_t seed;

  void* body() { return this + 1; }
  std::size_t body_size() const { return size - sizeof(Block); }
  bool intact() { return support::holds(body(), body_size(), seed); }
};

Block* finish(void* memory, std::size_t size, std::size_t seed) {
  if (memory == nullptr) std::abort();
  Block* const block = new (memory) Block{size, seed};
  support::fill(block->body(), block->body_size(), seed);
  return block;
}

Block* make_block(Random& random) {
  const std::size_t size = sizeof(Block) + random_size(random);
  switch (random() % 8) {
    case 0:
      return finish(std::calloc(1, opaque(size)), size, random());
    case 1:
      return finish(std::aligned_alloc(std::size_t{16} << random() % 9, opaque(size)), size,
                    random());
    default:
      return finish(std::malloc(opaque(size)), size, random());
  }
}

// Resizes a block and checks that what it kept is what it held.
Block* resize(Block* block, Random& random, bool& intact) {
  const std::size_t old_size = block->size;
  const std::size_t size = sizeof(Block) + random_size(random);
  auto* const moved = static_cast<Block*>(std::realloc(static_cast<void*>(block), opaque(size)));
  if (moved == nullptr) std::abort();
  intact = support::holds(moved->body(), old_size - sizeof(Block),
                          std::min(old_size, size) - sizeof(Block), moved->seed);
  return finish(moved, size, random());
}

TEST(Overlap, OneThread) {
  Random random(1);
  std::vector<Block*> slots(3000, nullptr);
  for (int step = 0; step < 300'000; ++step) {
    Block*& slot = slots[random() % slots.size()];
    bool intact = true;
    if (slot == nullptr) {
      slot = make_block(random);
    } else if (random() % 4 == 0) {
      slot = resize(slot, random, intact);
    } else {
      intact = slot->intact();
      std::free(slot);
      slot = nullptr;
    }
    ASSERT_TRUE(intact) << "step " << step;
  }
  for (Block* block : slots) std::free(block);
}

// All threads swap blocks through shared slots, so most blocks are freed or resized by a thread
// that did not allocate them.
class Exchange {
 public:
  explicit Exchange(std::size_t slots) : slots_(slots) {}
  ~Exchange() {
    for (auto& slot : slots_) std::free(slot.load(std::memory_order_relaxed));
  }

  void work(unsigned seed, int steps) {
    Random random(seed);
    for (int step = 0; step < steps; ++step) {
      Block* mine = make_block(random);
      if (random() % 8 == 0) mine = resize_checked(mine, random);
      // Partner of the same exchange in another thread: the pattern is written before it and read
      // after it.
      Block* const theirs =
          slots_[random() % slots_.size()].exchange(mine, std::memory_order_acq_rel);
      if (theirs == nullptr) continue;
      if (random() % 8 == 0) {
        std::free(resize_checked(theirs, random));
      } else {
        if (!theirs->intact()) ++broken_;
        std::free(theirs);
      }
    }
  }
  int broken() const { return broken_.load(std::memory_order_relaxed); }

 private:
  Block* resize_checked(Block* block, Random& random) {
    bool intact = true;
    Block* const moved = resize(block, random, intact);
    if (!intact) ++broken_;
    return moved;
  }

  std::vector<std::atomic<Block*>> slots_;
  std::atomic<int> broken_{0};
};

TEST(Overlap, EightThreadsSwapBlocks) {
  Exchange exchange(2000);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i) threads.emplace_back([&, i] { exchange.work(i, 40'000); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(exchange.broken(), 0);
}

// The same with threads that come and go, so that blocks outlive the threads that made them.
TEST(Overlap, BlocksOutliveTheirThreads) {
  Exchange exchange(1000);
  for (unsigned generation = 0; generation < 60; ++generation) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i)
      threads.emplace_back([&, i] { exchange.work(generation * 4 + i, 600); });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(exchange.broken(), 0);
}

// Same-sized tiny blocks, the hottest and least forgiving path.
TEST(Overlap, TinyBlocksAcrossThreads) {
  constexpr std::size_t kSlots = 4096;
  std::vector<std::atomic<std::size_t*>> slots(kSlots);
  std::atomic<int> broken{0};
  std::vector<std::thread> threads;
  for (std::size_t id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      Random random(id);
      for (std::size_t step = 0; step < 500'000; ++step) {
        auto* const mine = static_cast<std::size_t*>(std::malloc(opaque(std::size_t{32})));
        const std::size_t mark = id << 32 | step;
        for (std::size_t i = 0; i < 4; ++i) mine[i] = mark;
        // Partner of the same exchange in another thread: the marks are written before it and read
        // after it.
        auto* const theirs = slots[random() % kSlots].exchange(mine, std::memory_order_acq_rel);
        if (theirs == nullptr) continue;
        if (theirs[0] != theirs[1] || theirs[0] != theirs[2] || theirs[0] != theirs[3]) ++broken;
        std::free(theirs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : slots) std::free(slot.load(std::memory_order_relaxed));
  EXPECT_EQ(broken.load(), 0);
}

}  // namespace
