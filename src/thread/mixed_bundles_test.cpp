// Mixed bundles: among many heaps they go home, so that whoever takes their slab owns the blocks again; and a
// user's block never joins one.
#include <gtest/gtest.h>

#include <barrier>
#include <thread>
#include <vector>

#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/registry.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 1024;

// So many threads with heaps that many_heaps() is true while it lives.
class Crowd {
 public:
  Crowd() : barrier_(static_cast<std::ptrdiff_t>(kThreads) + 1) {
    for (unsigned i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] {
        deallocate(allocate(16));
        barrier_.arrive_and_wait();
        barrier_.arrive_and_wait();
      });
    }
    barrier_.arrive_and_wait();
  }
  ~Crowd() {
    barrier_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

 private:
  const unsigned kThreads = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() + 1;
  std::barrier<> barrier_;
  std::vector<std::thread> threads_;
};

unsigned mixed_blocks() {
  const std::uint32_t key = thread_cache.mixed_key ^ static_cast<std::uint32_t>(index_of(class_of(kSize)));
  const unsigned slot = OutgoingTable::slot_of(key);
  const OutgoingTable& table = *thread_cache.outgoing;
  return table.slots[slot].key.load_relaxed() == key ? table.count_in(slot) : 0;
}

class MixedBundles : public testing::Test {
 protected:
  // With the second heap the process knows how many processors it has.
  void SetUp() override {
    boot();
    deallocate(allocate(16));
    std::thread([] { deallocate(allocate(16)); }).join();
  }
};

// A bundle of blocks that a new heap has had from the shared slab.
void open_mixed_bundle() {
  void* first = allocate(kSize);
  deallocate(first);
}

TEST_F(MixedBundles, GoHomeAmongManyHeaps) {
  return_everything_idle(nullptr);
  close_parked_heaps(0, true);
  const Crowd crowd;
  ASSERT_TRUE(many_heaps());
  std::thread([] {
    open_mixed_bundle();
    ASSERT_NE(mixed_blocks(), 0U);
    const std::size_t before = depots.held_bytes();
    thread_heap()->flush_foreign();
    EXPECT_EQ(mixed_blocks(), 0U);
    EXPECT_EQ(depots.held_bytes(), before);
  }).join();
}

TEST_F(MixedBundles, TakeNoBlockOfAUsersHeap) {
  close_parked_heaps(0, true);
  Heap* users = take_users_heap();
  ASSERT_NE(users, nullptr);
  Cache cache = make_empty_cache();
  users->open(&cache);
  void* block = users->refill(class_of(kSize));
  {
    const Crowd crowd;
    std::thread([block] {
      open_mixed_bundle();
      const unsigned before = mixed_blocks();
      ASSERT_NE(before, 0U);
      deallocate(block);
      EXPECT_EQ(mixed_blocks(), before);
    }).join();
  }
  users->close();
  give_users_heap(users);
}

}  // namespace
}  // namespace hakmem
