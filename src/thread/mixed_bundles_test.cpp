// Bundles of what has no owner: mixed ones, of several heaps' blocks, go home among many heaps, those of blocks of shared slabs always, so that
// whoever takes the slabs has the blocks as its own; and a user's block never joins a mixed one.
#include <gtest/gtest.h>

#include <barrier>
#include <thread>
#include <vector>

#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kOwners = 3;
constexpr std::size_t kEach = 16;  // more than a short bundle holds

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

// The calling thread has freed a block of each class of more owners than there are places for bundles. The owners live as long as this.
class Mixture {
 public:
  Mixture() {
    work_for_a_while();
    for (std::size_t owner = 0; owner < kOwners; ++owner) owners_.emplace_back([this, owner] { own(owner); });
    turn_.arrive_and_wait();
    for (auto& of_classes : blocks_) {
      for (std::vector<void*>& blocks : of_classes) free_last(blocks);
    }
  }
  ~Mixture() {
    for (auto& of_classes : blocks_) {
      for (std::vector<void*>& blocks : of_classes) free_all(blocks);
    }
    turn_.arrive_and_wait();
    for (std::thread& owner : owners_) owner.join();
  }
  Mixture(const Mixture&) = delete;
  Mixture& operator=(const Mixture&) = delete;

  std::vector<void*>& blocks(std::size_t owner, ClassId c) { return blocks_[owner][index_of(c)]; }
  OwnerId id(std::size_t owner) const { return ids_[owner]; }

  static void free_all(std::vector<void*>& blocks) {
    while (!blocks.empty()) free_last(blocks);
  }

 private:
  static void free_last(std::vector<void*>& blocks) {
    deallocate(blocks.back());
    blocks.pop_back();
  }

  void own(std::size_t owner) {
    work_for_a_while();
    ids_[owner] = thread_heap()->id();
    for (std::size_t i = 0; i < kClasses; ++i) {
      for (std::size_t n = 0; n < kEach; ++n) blocks_[owner][i].push_back(allocate(kClassSize[i]));
    }
    turn_.arrive_and_wait();
    turn_.arrive_and_wait();
  }

  std::vector<void*> blocks_[kOwners][kClasses];
  OwnerId ids_[kOwners] = {};
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

// A bundle that is full goes its way, and its owner's next blocks into another for it.
TEST_F(MixedBundles, TakeNoBlockWhoseOwnerHasABundle) {
  std::thread([] {
    Mixture mixture;
    unsigned tried = 0;
    for (std::size_t i = 0; i < kClasses * kOwners; ++i) {
      const ClassId c = class_at(i % kClasses);
      const std::size_t owner = i / kClasses;
      const unsigned mixed = mixed_blocks(c);
      if (mixed == 0 || blocks_in_bundle(mixture.id(owner), c) == 0) continue;
      ++tried;
      Mixture::free_all(mixture.blocks(owner, c));
      EXPECT_EQ(mixed_blocks(c), mixed) << index_of(c);
    }
    EXPECT_NE(tried, 0U);
  }).join();
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
