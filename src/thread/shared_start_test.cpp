// Shared start: among many heaps a thread's first blocks of a class are nobody's own, middle ones all of them.
#include "thread/shared_start.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <thread>
#include <vector>

#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/registry.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kMiddle = 4096;
constexpr std::size_t kSmall = 512;

bool is_nobodys(void* block) { return heap_of(owner_of(page_map.tag_of(block))) == nullptr; }

struct Blocks {
  explicit Blocks(std::size_t size, std::size_t bytes = 256 * kKiB) : all(bytes / size) {
    for (void*& block : all) block = allocate(size);
  }
  ~Blocks() {
    for (void* block : all) deallocate(block);
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  std::size_t of_nobody() const { return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_nobodys)); }

  std::vector<void*> all;
};

// Runs `work` in each of so many threads that many_heaps() is true, when all have a heap.
template <typename Work>
void among_many_heaps(Work work) {
  boot();
  deallocate(allocate(16));
  std::thread([] { deallocate(allocate(16)); }).join();  // from the second heap on the processors are known
  const unsigned count = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() + 1;
  std::barrier barrier(static_cast<std::ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      deallocate(allocate(16));
      barrier.arrive_and_wait();
      work();
      barrier.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SharedStart, OfSmallBlocksEnds) {
  among_many_heaps([] {
    const Blocks blocks(kSmall);
    EXPECT_EQ(blocks.of_nobody() * kSmall, knobs::kSharedStartBytes);
  });
}

TEST(SharedStart, OfMiddleBlocksGoesOn) {
  among_many_heaps([] {
    const Blocks blocks(kMiddle);
    EXPECT_EQ(blocks.of_nobody(), blocks.all.size());
  });
}

}  // namespace
}  // namespace hakmem
