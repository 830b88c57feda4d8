// Bundles of what has no owner: mixed ones, of several heaps' blocks, go home among many heaps, those of blocks of shared slabs always, so that
// whoever takes the slabs has the blocks as its own; and a user's block never joins a mixed one.
#include <gtest/gtest.h>

#include <barrier>
#include <mutex>
#include <thread>
#include <vector>

#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kOwners = 3;

ClassId class_at(std::size_t i) { return ClassId{static_cast<std::uint8_t>(i)}; }

unsigned blocks_in_bundle(OwnerId owner, ClassId c) {
  const std::uint32_t key = static_cast<std::uint32_t>(tag_for(owner, c)) ^ thread_cache.tag;
  const unsigned slot = OutgoingTable::slot_of(key);
  const OutgoingTable& table = *thread_cache.outgoing;
  return table.slots[slot].key.load_relaxed() == key ? table.count_in(slot) : 0;
}
unsigned mixed_blocks(ClassId c) { return blocks_in_bundle(nobodys_owner(os::Node{0}), c); }
unsigned mixed_blocks() {
  unsigned n = 0;
  for (std::size_t i = 0; i < kClasses; ++i) n += mixed_blocks(class_at(i));
  return n;
}

class MixedBundles : public testing::Test {
 protected:
  void SetUp() override {
    know_processors();
    if (knobs::kOwnSlabHeapsPerCpu * os::places.cpus() < kOwners + 2) GTEST_SKIP() << "too few heaps have slabs of their own";
    bring_everything_home();
  }
};

// The calling thread has freed blocks of more owners and classes than there are places for bundles. The owners live as long as this.
class Mixture {
 public:
  Mixture() {
    work_for_a_while();
    for (std::size_t n = 0; n < kOwners; ++n) owners_.emplace_back([this] { own(); });
    turn_.arrive_and_wait();
    for (void* block : blocks_) deallocate(block);
  }
  ~Mixture() {
    turn_.arrive_and_wait();
    for (std::thread& owner : owners_) owner.join();
  }
  Mixture(const Mixture&) = delete;
  Mixture& operator=(const Mixture&) = delete;

 private:
  void own() {
    work_for_a_while();
    for (const std::size_t size : kClassSize) {
      void* block = allocate(size);
      const std::lock_guard guard(lock_);
      blocks_.push_back(block);
    }
    turn_.arrive_and_wait();
    turn_.arrive_and_wait();
  }

  std::vector<void*> blocks_;
  std::mutex lock_;
  std::barrier<> turn_{kOwners + 1};
  std::vector<std::thread> owners_;
};

TEST_F(MixedBundles, GoToTheDepotAmongFewHeaps) {
  std::thread([] {
    const Mixture mixture;
    ASSERT_NE(mixed_blocks(), 0U);
    const std::size_t before = depots.held_bytes();
    thread_heap()->flush_foreign();
    EXPECT_GT(depots.held_bytes(), before);
  }).join();
}

TEST_F(MixedBundles, GoHomeAmongManyHeaps) {
  std::thread([] {
    const Mixture mixture;
    ASSERT_NE(mixed_blocks(), 0U);
    const ManyHeaps many;
    const std::size_t before = depots.held_bytes();
    thread_heap()->flush_foreign();
    EXPECT_EQ(mixed_blocks(), 0U);
    EXPECT_EQ(depots.held_bytes(), before);
  }).join();
}

TEST_F(MixedBundles, TakeNoBlockOfAUsersHeap) {
  Heap* users = take_users_heap();
  ASSERT_NE(users, nullptr);
  Cache cache = make_empty_cache();
  users->open(&cache);
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < kClasses; ++i) blocks.push_back(users->refill(class_at(i)));
  std::thread([&blocks] {
    const Mixture mixture;
    const unsigned before = mixed_blocks();
    ASSERT_NE(before, 0U);
    for (void* block : blocks) deallocate(block);
    EXPECT_EQ(mixed_blocks(), before);
  }).join();
  users->close();
  give_users_heap(users);
}

// From the depot they would come as a stranger's to every heap that does not share.
TEST_F(MixedBundles, OfSharedSlabsGoHome) {
  std::thread([] {
    constexpr ClassId c = class_of(64);
    work_for_a_while();
    void* block = nullptr;
    std::thread([&] { block = allocate(size_of(c)); }).join();
    deallocate(block);
    ASSERT_EQ(blocks_in_bundle(everybodys_owner(os::Node{0}), c), 1U);
    const std::size_t before = depots.held_bytes();
    thread_heap()->flush_foreign();
    EXPECT_EQ(depots.held_bytes(), before);
  }).join();
}

}  // namespace
}  // namespace hakmem
