// Collapsing huge blocks: while other threads go on, resize them, and free them.
#include <atomic>
#include <thread>
#include <utility>

#include "large/idle_blocks.hpp"
#include "large/large_fixture.hpp"
#include "os/memory.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {
namespace {

using HugeCollapse = Large;

// The sanitizer sees it when the collapsing thread reads where a block lies while realloc moves it.
TEST_F(HugeCollapse, ResizesWhileAnotherThreadCollapses) {
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
TEST_F(HugeCollapse, NoFreeBlockIsCollapsed) {
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

TEST_F(HugeCollapse, OtherThreadsGoOnWhileABlockIsCollapsed) {
  void* const block = make(33 * kMiB);
  fill(block, 33 * kMiB);
  const InsteadOfCollapsing hook([](std::byte*, std::size_t) { return !large_lock_is_mine() && collapse_lock_is_mine(); });
  bool collapsed = false;
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  EXPECT_TRUE(collapsed) << "the lock was held";
  release(block);
}

// Whether the other thread's work on `collapsed_block` ends while that is being collapsed.
bool ends_while_collapsed(void (*work)()) {
  static void (*other_work)() = nullptr;
  other_work = work;
  const InsteadOfCollapsing hook([](std::byte*, std::size_t) {
    other.start(other_work);
    ended_meanwhile = other.ends_within(100'000);
    return true;
  });
  bool collapsed = false;
  EXPECT_TRUE(collapse_next_of_huge(&collapsed));
  EXPECT_TRUE(collapsed);
  other.thread.join();
  return ended_meanwhile;
}

// A user's heap's blocks are unmapped when they are freed.
TEST_F(HugeCollapse, ABlockThatIsBeingCollapsedIsUnmappedAfterwards) {
  collapsed_block = make(33 * kMiB, kMinAlign, kHeap);
  fill(collapsed_block, 33 * kMiB);
  EXPECT_FALSE(ends_while_collapsed([] { release(collapsed_block); }));
}

TEST_F(HugeCollapse, ABlockThatIsBeingCollapsedIsCutAfterwards) {
  collapsed_block = make(64 * kMiB);
  fill(collapsed_block, 64 * kMiB);
  EXPECT_FALSE(ends_while_collapsed([] { resize_large(collapsed_block, kMiB); }));
  release(collapsed_block);
}

}  // namespace
}  // namespace hakmem
