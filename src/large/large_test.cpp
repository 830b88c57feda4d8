// Large: blocks above 32 KiB: where they come from, how they grow, and how a heap's all go at once.
#include "large/large.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/site_keys.hpp"
#include "large/idle_blocks.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "thread/boot_hook.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

constexpr OwnerId kHeap{7000};

std::uint64_t word_for(std::size_t i) { return i * 0x9E37'79B9'7F4A'7C15 + 1; }

// One word in every 4 KiB, so that each page has something to lose.
void fill(void* block, std::size_t bytes) {
  auto* words = static_cast<std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 512) words[i] = word_for(i);
}

bool holds(const void* block, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 512) {
    if (words[i] != word_for(i)) return false;
  }
  return true;
}

bool reads_zero(const void* block, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 64) {
    if (words[i] != 0) return false;
  }
  return true;
}

void* make(std::size_t size, std::size_t alignment = kMinAlign, OwnerId heap = kNoOwner) {
  return make_large(size, alignment, heap).start;
}

void release(void* block) { free_outside_slabs(block, page_map.tag_of(block)); }

Kind kind_at(const void* p) { return kind_of(page_map.tag_of(p)); }

void settle_down() {
  give_back_idle_large();
  run_store.purge(os::now_ms(), true);
}

std::size_t bytes_in_use() {
  const RunUse use = run_store.use();
  return use.mapped_bytes - use.free_bytes;
}

class Large : public testing::Test {
 protected:
  void SetUp() override {
    settle_down();
    in_use = bytes_in_use();
    huge = huge_use();
  }
  void TearDown() override {
    settle_down();
    EXPECT_EQ(bytes_in_use(), in_use);
    EXPECT_EQ(huge_use().bytes, huge.bytes);
    EXPECT_EQ(huge_use().blocks, huge.blocks);
    EXPECT_TRUE(run_store.check_invariants());
  }

  std::size_t in_use = 0;
  HugeUse huge{};
};

TEST_F(Large, IsTaggedAtItsFirstGranuleAlone) {  // (1)
  for (const std::size_t size : {40 * kKiB, 300 * kKiB, 5 * kMiB, 40 * kMiB}) {
    auto* block = static_cast<std::byte*>(make(size));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(kind_at(block), size < knobs::kHugeFrom ? Kind::kLarge : Kind::kHuge);
    EXPECT_GE(large_bytes(block), size);  // (2)
    EXPECT_LT(large_bytes(block), size + kGranuleBytes);
    for (std::size_t inside = kGranuleBytes; inside < size; inside += kGranuleBytes) {
      ASSERT_NE(kind_at(block + inside), Kind::kLarge);
      ASSERT_NE(kind_at(block + inside), Kind::kHuge);
    }
    fill(block, large_bytes(block));
    release(block);
  }
}

TEST_F(Large, HonoursEveryAlignment) {
  for (std::size_t alignment = 16; alignment <= 64 * kMiB; alignment *= 4) {
    for (const std::size_t size : {std::size_t{1}, 100 * kKiB, 33 * kMiB}) {
      void* block = make(size, alignment);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u) << size;
      release(block);
    }
  }
}

TEST_F(Large, ImpossibleSizesAreRefused) {
  EXPECT_EQ(make(SIZE_MAX), nullptr);
  EXPECT_EQ(make(std::size_t{PTRDIFF_MAX} + 1), nullptr);
  EXPECT_EQ(make(std::size_t{1} << 60), nullptr);
  EXPECT_EQ(make(100, std::size_t{1} << 63), nullptr);
}

TEST_F(Large, ZeroedIsTrueWhenItSaysSo) {
  for (const std::size_t size : {64 * kKiB, kMiB, 40 * kMiB}) {
    for (int round = 0; round < 4; ++round) {
      const LargeBlock block = make_large(size, kMinAlign, kNoOwner);
      if (block.zeroed) {
        ASSERT_TRUE(reads_zero(block.start, size)) << size;
      }
      fill(block.start, size);
      release(block.start);
      if (round == 1) settle_down();
    }
  }
}

TEST_F(Large, ShrinksAndGrowsInPlaceWhereThereIsRoom) {
  void* block = make(32 * kGranuleBytes);
  fill(block, 10 * kGranuleBytes);
  EXPECT_EQ(resize_large(block, 10 * kGranuleBytes), block);
  EXPECT_EQ(large_bytes(block), 10 * kGranuleBytes);
  EXPECT_EQ(resize_large(block, 32 * kGranuleBytes - 5), block) << "the tail is still free";
  EXPECT_EQ(large_bytes(block), 32 * kGranuleBytes);
  EXPECT_TRUE(holds(block, 10 * kGranuleBytes));
  release(block);
}

TEST_F(Large, WhatCannotGrowIsLeftAsItWas) {
  std::vector<void*> row;
  for (int i = 0; i < 8; ++i) row.push_back(make(2 * kGranuleBytes));
  unsigned refused = 0;
  for (void* block : row) {
    fill(block, 2 * kGranuleBytes);
    if (resize_large(block, 3 * kGranuleBytes) != nullptr) continue;
    ++refused;
    EXPECT_EQ(large_bytes(block), 2 * kGranuleBytes);
  }
  EXPECT_GE(refused, 6u) << "their neighbours are in the way";
  for (void* block : row) {
    EXPECT_TRUE(holds(block, 2 * kGranuleBytes));
    release(block);
  }
}

// Pages move, whole, and the old address range is free again.
TEST_F(Large, GrowsIntoAHugeOneByMovingItsPages) {
  void* block = make(8 * kMiB);
  fill(block, 8 * kMiB);
  void* moved = resize_large(block, 40 * kMiB);
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(kind_at(moved), Kind::kHuge);
  EXPECT_GE(large_bytes(moved), 40 * kMiB);
  EXPECT_TRUE(holds(moved, 8 * kMiB));
  EXPECT_TRUE(reads_zero(static_cast<std::byte*>(moved) + 8 * kMiB, 32 * kMiB));
  EXPECT_NE(kind_at(block), Kind::kLarge);
  EXPECT_EQ(bytes_in_use(), in_use);
  // What it left behind is known to be clean, or else is dirty: never dirty and called zeroed.
  const LargeBlock again = make_large(8 * kMiB, kMinAlign, kNoOwner);
  EXPECT_TRUE(!again.zeroed || reads_zero(again.start, 8 * kMiB));
  release(again.start);
  release(moved);
}

TEST_F(Large, AGrowingHugeBlockKeepsItsContentsAndMovesSeldom) {
  void* block = make(32 * kMiB);
  fill(block, 32 * kMiB);
  int moves = 0;
  for (std::size_t size = 33 * kMiB; size <= 128 * kMiB; size += kMiB) {
    void* resized = resize_large(block, size);
    ASSERT_NE(resized, nullptr);
    ASSERT_GE(large_bytes(resized), size);
    moves += resized != block;
    block = resized;
  }
  EXPECT_LE(moves, 6);
  EXPECT_TRUE(holds(block, 32 * kMiB));
  EXPECT_EQ(resize_large(block, 34 * kMiB), block) << "shrinks where it is";
  EXPECT_EQ(large_bytes(block), large_length(34 * kMiB));
  EXPECT_TRUE(holds(block, 32 * kMiB));
  release(block);
}

// The sanitizer sees it when the collapsing thread reads where a block lies while realloc moves it.
TEST_F(Large, ResizesWhileAnotherThreadCollapses) {
  std::atomic<bool> done{false};
  std::thread collapser([&] {
    while (!done.load()) {
      bool collapsed = false;
      if (!collapse_next_of_huge(&collapsed)) look_for_dense_huge_again();
    }
  });
  void* block = make(33 * kMiB);
  fill(block, 4 * kMiB);
  for (int round = 0; round < 40; ++round) {
    for (const std::size_t size :
         {50 * kMiB, 80 * kMiB, 33 * kMiB, 60 * kMiB, 15 * kMiB, 33 * kMiB}) {
      block = resize_large(block, size);
      ASSERT_TRUE(holds(block, 4 * kMiB));
    }
  }
  done.store(true);
  collapser.join();
  release(block);
}

// Collapsing would fill memory that the program does not have.
TEST_F(Large, NoFreeBlockIsCollapsed) {
  void* block = make(33 * kMiB);
  fill(block, 33 * kMiB);
  bool collapsed = false;
  look_for_dense_huge_again();
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  look_for_dense_huge_again();
  page_map.set_tags(granule_of(block), Granules{1}, tag_for(Kind::kBusy));  // as in a hand
  EXPECT_FALSE(collapse_next_of_huge(&collapsed));
  page_map.set_tags(granule_of(block), Granules{1}, tag_for(Kind::kHuge));
  release(block);
  collapsed = false;
  look_for_dense_huge_again();
  EXPECT_FALSE(collapse_next_of_huge(&collapsed));
  EXPECT_FALSE(collapsed);
}

// While one lives, collapsing is this instead.
class InsteadOfCollapsing {
 public:
  explicit InsteadOfCollapsing(bool (*collapse)(std::byte*, std::size_t)) : kernel_(std::exchange(os::memory.collapse, collapse)) {
    look_for_dense_huge_again();
  }
  ~InsteadOfCollapsing() { os::memory.collapse = kernel_; }
  InsteadOfCollapsing(const InsteadOfCollapsing&) = delete;
  InsteadOfCollapsing& operator=(const InsteadOfCollapsing&) = delete;

 private:
  bool (*const kernel_)(std::byte*, std::size_t);
};

// Another thread, which works while a block is collapsed. Ended: within so many turns of this thread.
struct OtherThread {
  std::thread thread;
  std::atomic<bool> ended{false};

  template <typename Work>
  void start(Work work) {
    ended = false;
    thread = std::thread([this, work] {
      work();
      ended = true;
    });
  }
  bool ends_within(int turns) const {
    for (int i = 0; i < turns && !ended; ++i) std::this_thread::yield();
    return ended;
  }
};
OtherThread other;
bool ended_meanwhile = false;
void* collapsed_block = nullptr;

TEST_F(Large, OtherThreadsGoOnWhileABlockIsCollapsed) {
  void* const block = make(33 * kMiB);
  fill(block, 33 * kMiB);
  const InsteadOfCollapsing hook([](std::byte*, std::size_t) { return !large_lock_is_mine() && collapse_lock_is_mine(); });
  bool collapsed = false;
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  EXPECT_TRUE(collapsed) << "the lock was held";
  release(block);
}

// A user's heap's blocks are unmapped when they are freed.
TEST_F(Large, ABlockThatIsBeingCollapsedIsUnmappedAfterwards) {
  collapsed_block = make(33 * kMiB, kMinAlign, kHeap);
  fill(collapsed_block, 33 * kMiB);
  const InsteadOfCollapsing hook([](std::byte*, std::size_t) {
    other.start([] { release(collapsed_block); });
    ended_meanwhile = other.ends_within(100'000);
    return true;
  });
  bool collapsed = false;
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  other.thread.join();
  EXPECT_TRUE(collapsed);
  EXPECT_FALSE(ended_meanwhile);
}

// As above; its tail goes.
TEST_F(Large, ABlockThatIsBeingCollapsedIsCutAfterwards) {
  collapsed_block = make(64 * kMiB);
  fill(collapsed_block, 64 * kMiB);
  const InsteadOfCollapsing hook([](std::byte*, std::size_t) {
    other.start([] { resize_large(collapsed_block, kMiB); });
    ended_meanwhile = other.ends_within(100'000);
    return true;
  });
  bool collapsed = false;
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  other.thread.join();
  EXPECT_FALSE(ended_meanwhile);
  release(collapsed_block);
}

// What a block of a site has grown to, the next one has room for: it moves a few times, not at each
// half as much again.
TEST_F(Large, ASitesNextBlockMovesLess) {
  static constexpr char kCaller = 0;
  const auto grow = [&](int* moves) {
    void* block = make(kMiB);
    fill(block, kMiB);
    for (std::size_t size = 2 * kMiB; size <= 128 * kMiB; size += kMiB) {
      void* resized = resize_large(block, size, &kCaller);
      ASSERT_NE(resized, nullptr);
      ASSERT_GE(large_bytes(resized), size);
      if (resized != block && size >= knobs::kHugeFrom) ++*moves;
      block = resized;
    }
    EXPECT_TRUE(holds(block, kMiB));
    EXPECT_TRUE(reads_zero(static_cast<std::byte*>(block) + 127 * kMiB, kMiB)) << "never touched";
    release(block);
  };
  int first = 0;
  int second = 0;
  grow(&first);
  grow(&second);
  EXPECT_LE(first, 6);
  EXPECT_LE(second, 1);
}

std::size_t mapped_bytes_of(const void* block) {
  return static_cast<const Run*>(page_map.details_of(granule_of(block)))->bytes();
}

// Room that was not used goes when the block is free: it does not count as idle memory.
TEST_F(Large, RoomThatWasNotUsedIsNotIdle) {
  static constexpr char kCaller = 0;
  growth.note(Growth::Site{call_site(&kCaller)}, 200 * kMiB);
  void* block = resize_large(make(34 * kMiB), 60 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(mapped_bytes_of(block), 200 * kMiB);
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB)) << "room is not the program's to use";
  EXPECT_EQ(resize_large(block, 190 * kMiB, &kCaller), block);
  EXPECT_EQ(resize_large(block, 60 * kMiB, &kCaller), block) << "cut: it was long";
  EXPECT_EQ(large_bytes(block), large_length(60 * kMiB));
  release(block);
  block = resize_large(make(34 * kMiB), 61 * kMiB, &kCaller);
  ASSERT_NE(block, nullptr);
  EXPECT_GE(mapped_bytes_of(block), 150 * kMiB);
  const std::size_t before = idle_blocks.held_bytes();
  release(block);
  EXPECT_LE(idle_blocks.held_bytes() - before, large_length(61 * kMiB));
}

TEST_F(Large, DestroyingAHeapsBlocksLeavesOthersAlone) {
  std::vector<void*> mine, others;
  for (int i = 0; i < 300; ++i) {  // more than one batch
    mine.push_back(make(kGranuleBytes, kMinAlign, kHeap));
    if (i % 10 == 0)
      others.push_back(make(kGranuleBytes, kMinAlign, i % 20 == 0 ? kNoOwner : OwnerId{7001}));
  }
  mine.push_back(make(40 * kMiB, kMinAlign, kHeap));
  mine.push_back(
      resize_large(make(8 * kMiB, kMinAlign, kHeap), 50 * kMiB));  // its heap moves with it
  others.push_back(make(40 * kMiB));
  for (void* block : others) fill(block, kGranuleBytes);
  destroy_large_of(kHeap);
  for (void* block : mine) {
    EXPECT_NE(kind_at(block), Kind::kLarge);
    EXPECT_NE(kind_at(block), Kind::kHuge);
  }
  EXPECT_EQ(huge_use().blocks, huge.blocks + 1);
  EXPECT_EQ(bytes_in_use(), in_use + (others.size() - 1) * kGranuleBytes);
  for (void* block : others) {
    EXPECT_TRUE(holds(block, kGranuleBytes));
    release(block);
  }
}

TEST_F(Large, AUsersHeapsBlocksAreNotCached) {
  void* block = make(kGranuleBytes, kMinAlign, kHeap);
  release(block);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u) << "destroying the heap would not find it there";
  block = make(kGranuleBytes);
  release(block);
  EXPECT_EQ(idle_blocks.held_bytes(), kGranuleBytes);
}

}  // namespace
}  // namespace hakmem
