// Bundles of other heaps' blocks: few blocks where a class is cold, so that little lies with who has freed it; a full magazine
// where it is hot.
#include <gtest/gtest.h>
#include <time.h>

#include <barrier>
#include <thread>
#include <vector>

#include "learn/bundle_threshold.hpp"
#include "os/place.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 4096;
const ClassId kClass = class_of(kSize);

void wait_ns(long ns) {
  const timespec pause{0, ns};
  nanosleep(&pause, nullptr);
}

// Blocks of kSize in the calling thread's bundle for `owner`.
unsigned gathered_for(OwnerId owner) {
  const std::uint32_t key = static_cast<std::uint32_t>(tag_for(owner, kClass)) ^ thread_cache.tag;
  const unsigned slot = OutgoingTable::slot_of(key);
  const OutgoingTable& table = *thread_cache.outgoing;
  return table.slots[slot].key.load_relaxed() == key ? table.count_in(slot) : 0;
}

// Blocks of another thread, which lives as long as this and has slabs of its own. So has the calling thread.
class OthersBlocks {
 public:
  explicit OthersBlocks(std::size_t count) : blocks_(count) {
    owner_ = std::thread([this] {
      work_for_a_while();
      for (void*& block : blocks_) block = allocate(kSize);
      id_ = thread_heap()->id();
      turn_.arrive_and_wait();
      turn_.arrive_and_wait();
      thread_heap()->flush_all();
    });
    turn_.arrive_and_wait();
    work_for_a_while();
  }
  ~OthersBlocks() {
    while (!blocks_.empty()) free_one();
    thread_heap()->flush_foreign();
    turn_.arrive_and_wait();
    owner_.join();
  }
  OthersBlocks(const OthersBlocks&) = delete;
  OthersBlocks& operator=(const OthersBlocks&) = delete;

  void free_one() {
    deallocate(blocks_.back());
    blocks_.pop_back();
  }
  bool empty() const { return blocks_.empty(); }
  unsigned gathered() const { return gathered_for(id_); }

 private:
  std::vector<void*> blocks_;
  OwnerId id_{};
  std::barrier<> turn_{2};
  std::thread owner_;
};

class BundleLength : public testing::Test {
 protected:
  void SetUp() override {
    know_processors();
    bring_everything_home();
  }
  void TearDown() override { bring_everything_home(); }
};

TEST_F(BundleLength, ColdClassesGatherFew) {
  OthersBlocks others(3 * bundle_capacity(kClass));
  unsigned most = 0;
  while (!others.empty()) {
    wait_ns(learn::kHotNs);
    others.free_one();
    most = others.gathered() > most ? others.gathered() : most;
  }
  EXPECT_EQ(most, bundle_capacity(kClass));
}

// As many in a row as the processor lets this thread free.
TEST_F(BundleLength, HotClassesGatherAMagazine) {
  unsigned most = 0;
  for (int round = 0; round < 100 && most < magazine_capacity(kClass); ++round) {
    OthersBlocks others(2 * magazine_capacity(kClass));
    while (!others.empty()) {
      others.free_one();
      most = others.gathered() > most ? others.gathered() : most;
    }
  }
  EXPECT_EQ(most, magazine_capacity(kClass));
}

// A pause in each bundle: each is half as long as the one before.
TEST_F(BundleLength, ShrinksWhenAClassCoolsDown) {
  OthersBlocks others(8 * magazine_capacity(kClass));
  for (unsigned i = 0; i < magazine_capacity(kClass); ++i) others.free_one();
  std::vector<unsigned> lengths;
  unsigned before = others.gathered();
  while (!others.empty()) {
    others.free_one();
    const unsigned now = others.gathered();
    if (now <= before) {  // another bundle, which waits
      lengths.push_back(before);
      wait_ns(5 * learn::kHotNs);
    }
    before = now;
  }
  ASSERT_GE(lengths.size(), 6u);
  for (std::size_t i = 2; i < 6; ++i)
    EXPECT_EQ(lengths[i], std::max(lengths[i - 1] / 2, bundle_capacity(kClass))) << i;
  EXPECT_EQ(lengths[5], bundle_capacity(kClass));
}

// Nobody waits for them, however soon they are full.
TEST_F(BundleLength, OfEverybodysBlocksIsNeverMore) {
  work_for_a_while();
  for (int round = 0; round < 10; ++round) {
    std::vector<void*> blocks(4 * bundle_capacity(kClass));
    from_another_thread([&] {
      for (void*& block : blocks) block = allocate(kSize);
    });
    for (void* block : blocks) {
      deallocate(block);
      EXPECT_LE(gathered_for(everybodys_owner(thread_heap()->node())), bundle_capacity(kClass));
    }
  }
}

}  // namespace
}  // namespace hakmem
