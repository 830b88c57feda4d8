// Heaps: blocks from any thread, freed one by one by any thread, or all at once with their heap.
//
// Links the library, with or without the malloc override, so it runs under every sanitizer; blocks
// are freed with hak_free() for that reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "hakmem/hakmem.h"
#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

struct Destroy {
  void operator()(hak_heap_t* heap) const { hak_heap_destroy(heap); }
};
using Heap = std::unique_ptr<hak_heap_t, Destroy>;

Heap make_heap() {
  Heap heap(hak_heap_create());
  EXPECT_NE(heap, nullptr);
  return heap;
}

hak_stats stats_now() {
  hak_stats stats = {};
  EXPECT_EQ(hak_stats_get(&stats, sizeof stats), 0);
  return stats;
}

std::size_t bytes_in_use() {
  const hak_stats stats = stats_now();
  return stats.small_in_use + stats.large_bytes + stats.huge_bytes;
}

TEST(Heap, GivesBlocksOfEverySize) {
  const Heap heap = make_heap();
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t size = 0; size < 3 * kMiB; size = size * 5 / 4 + 1) {
    void* const block = hak_heap_malloc(heap.get(), opaque(size));
    ASSERT_NE(block, nullptr) << size;
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u) << size;
    ASSERT_GE(hak_usable_size(block), size);
    support::fill(block, size, size);
    blocks.emplace_back(block, size);
  }
  for (const auto& [block, size] : blocks) {
    EXPECT_TRUE(support::holds(block, size, size)) << size;
    hak_free(block);
  }
}

TEST(Heap, CallocGivesZerosFromUsedMemory) {
  const Heap heap = make_heap();
  for (const std::size_t size : {24ul, 700ul, 9000ul, 100'000ul, 2 * kMiB}) {
    for (int round = 0; round < 20; ++round) {
      void* const block = hak_heap_calloc(heap.get(), 1, opaque(size));
      ASSERT_TRUE(support::all_zero(block, size)) << size;
      support::fill(block, size, 3);
      hak_free(block);
    }
  }
  errno = 0;
  EXPECT_EQ(hak_heap_calloc(heap.get(), opaque(SIZE_MAX / 2), 3), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(Heap, ReallocKeepsContents) {
  const Heap heap = make_heap();
  std::size_t size = 0;
  void* block = nullptr;
  for (const std::size_t next : {10ul, 100ul, 5000ul, 300ul, 90'000ul, 2 * kMiB, 40'000ul, 64ul}) {
    block = hak_heap_realloc(heap.get(), block, opaque(next));
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(support::holds(block, size, std::min(size, next), size)) << size << " to " << next;
    support::fill(block, next, next);
    size = next;
  }
  hak_free(block);
}

TEST(Heap, AlignsBlocks) {
  const Heap heap = make_heap();
  for (std::size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
    void* const block = hak_heap_aligned_alloc(heap.get(), alignment, opaque(std::size_t{200}));
    ASSERT_NE(block, nullptr) << alignment;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
    support::fill(block, 200, alignment);
  }
  errno = 0;
  EXPECT_EQ(hak_heap_aligned_alloc(heap.get(), 48, 100), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Heap, AbsurdSizesSayEnomem) {
  const Heap heap = make_heap();
  for (const std::size_t size : {std::size_t{1} << 50, std::size_t{PTRDIFF_MAX}, SIZE_MAX}) {
    errno = 0;
    EXPECT_EQ(hak_heap_malloc(heap.get(), opaque(size)), nullptr);
    EXPECT_EQ(errno, ENOMEM);
  }
}

TEST(Heap, DestroyReturnsEverything) {
  hak_heap_destroy(hak_heap_create());
  const std::size_t before = bytes_in_use();
  for (int round = 0; round < 5; ++round) {
    const Heap heap = make_heap();
    for (const std::size_t size : {32ul, 1000ul, 20'000ul, 300'000ul, 5 * kMiB, 40 * kMiB}) {
      for (std::size_t used = 0; used < 4 * kMiB; used += size) {
        support::fill(hak_heap_malloc(heap.get(), opaque(size)), 16, used);
      }
    }
    EXPECT_GE(bytes_in_use(), before + 60 * kMiB);
  }
  EXPECT_LE(bytes_in_use(), before + kMiB);
}

TEST(Heap, DestroyLeavesOtherHeapsAlone) {
  const Heap staying = make_heap();
  std::vector<void*> kept;
  for (int round = 0; round < 50; ++round) {
    const Heap passing = make_heap();
    for (std::size_t size = 16; size < 50'000; size = size * 2 + 16) {
      kept.push_back(hak_heap_malloc(staying.get(), opaque(size)));
      support::fill(kept.back(), 16, kept.size());
      support::fill(hak_heap_malloc(passing.get(), opaque(size)), size, 1);
    }
  }
  for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_TRUE(support::holds(kept[i], 16, i + 1));
}

TEST(Heap, ManyOfThemLeaveNothing) {
  const auto use_heaps = [](int count) {
    std::vector<Heap> heaps;
    for (int i = 0; i < count; ++i) {
      heaps.push_back(make_heap());
      support::fill(hak_heap_malloc(heaps.back().get(), opaque(std::size_t{100})), 100, 1);
    }
  };
  use_heaps(200);
  const hak_stats first = stats_now();
  for (int round = 0; round < 10; ++round) use_heaps(200);
  const hak_stats last = stats_now();
  EXPECT_EQ(last.live_heaps, first.live_heaps);
  EXPECT_LE(last.metadata_bytes, first.metadata_bytes + kMiB);
  EXPECT_LE(last.mapped_bytes, first.mapped_bytes + 8 * kMiB);
}

TEST(Heap, ServesManyThreadsAtOnce) {
  const Heap heap = make_heap();
  std::vector<std::vector<void*>> blocks(4);
  std::vector<std::thread> threads;
  for (std::size_t id = 0; id < blocks.size(); ++id) {
    threads.emplace_back([&, id] {
      for (std::size_t i = 0; i < 2000; ++i) {
        blocks[id].push_back(hak_heap_malloc(heap.get(), opaque(16 + i % 3000)));
        support::fill(blocks[id].back(), 16, id * 10'000 + i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  // Each thread frees what another one allocated.
  for (std::size_t id = 0; id < blocks.size(); ++id) {
    threads.emplace_back([&, id] {
      const std::size_t other = (id + 1) % blocks.size();
      for (std::size_t i = 0; i < blocks[other].size(); ++i) {
        EXPECT_TRUE(support::holds(blocks[other][i], 16, other * 10'000 + i));
        hak_free(blocks[other][i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Heap, OutlivesTheThreadThatMadeIt) {
  Heap heap;
  void* block = nullptr;
  std::thread([&] {
    heap = make_heap();
    block = hak_heap_malloc(heap.get(), opaque(std::size_t{500}));
    support::fill(block, 500, 4);
  }).join();
  EXPECT_TRUE(support::holds(block, 500, 4));
  std::thread([&] { hak_free(block); }).join();
  EXPECT_NE(hak_heap_malloc(heap.get(), opaque(std::size_t{500})), nullptr);
  std::thread([&] { heap.reset(); }).join();
}

// Blocks that other threads have freed may still be on their way home when the heap goes.
TEST(Heap, DestroyedRightAfterForeignFrees) {
  for (int round = 0; round < 100; ++round) {
    Heap heap = make_heap();
    std::vector<void*> blocks(300);
    for (void*& block : blocks) block = hak_heap_malloc(heap.get(), opaque(std::size_t{48}));
    std::thread([&] {
      for (std::size_t i = 0; i < blocks.size(); i += 2) hak_free(blocks[i]);
      heap.reset();
      for (int i = 0; i < 300; ++i) blocks[static_cast<std::size_t>(i)] = hak_malloc(48);
      std::sort(blocks.begin(), blocks.end());
      EXPECT_EQ(std::unique(blocks.begin(), blocks.end()), blocks.end()) << "a block twice";
    }).join();
    for (void* block : blocks) hak_free(block);
  }
}

TEST(Heap, DestroyOfNullIsIgnored) { hak_heap_destroy(nullptr); }

}  // namespace
