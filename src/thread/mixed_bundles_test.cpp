// Mixed bundles: they go home, so that whoever takes their slab has the blocks as its own; and a user's block never joins one.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 1024;

unsigned mixed_blocks() {
  const std::uint32_t key = thread_cache.mixed_key ^ static_cast<std::uint32_t>(index_of(class_of(kSize)));
  const unsigned slot = OutgoingTable::slot_of(key);
  const OutgoingTable& table = *thread_cache.outgoing;
  return table.slots[slot].key.load_relaxed() == key ? table.count_in(slot) : 0;
}

class MixedBundles : public testing::Test {
 protected:
  void SetUp() override { know_processors(); }
};

// A bundle of a block from shared slabs, of a heap that does not share.
void open_mixed_bundle() {
  work_for_a_while();
  ASSERT_EQ(owner_of(Tag{thread_cache.tag}), thread_heap()->id());
  void* block = nullptr;
  std::thread([&block] { block = allocate(kSize); }).join();
  deallocate(block);
}

TEST_F(MixedBundles, GoHome) {
  return_everything_idle(nullptr);
  close_parked_heaps(0, true);
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
  std::thread([block] {
    open_mixed_bundle();
    const unsigned before = mixed_blocks();
    ASSERT_NE(before, 0U);
    deallocate(block);
    EXPECT_EQ(mixed_blocks(), before);
  }).join();
  users->close();
  give_users_heap(users);
}

}  // namespace
}  // namespace hakmem
