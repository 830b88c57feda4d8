// Bundles of other heaps' blocks: few blocks where a class is cold, so that little lies with who has freed it; a full magazine
// where it is hot.
#include <gtest/gtest.h>
#include <time.h>

#include <barrier>
#include <thread>
#include <vector>

#include "learn/bundle_threshold.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 4096;
const ClassId kClass = class_of(kSize);

// Blocks of another thread, which lives as long as this and has slabs of its own.
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

  // Of them, in the calling thread's bundle.
  unsigned gathered() const {
    const std::uint32_t key = static_cast<std::uint32_t>(tag_for(id_, kClass)) ^ thread_cache.tag;
    const unsigned slot = OutgoingTable::slot_of(key);
    const OutgoingTable& table = *thread_cache.outgoing;
    return table.slots[slot].key.load_relaxed() == key ? table.count_in(slot) : 0;
  }

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
    if (knobs::kOwnSlabHeapsPerCpu * os::places.cpus() < 3) GTEST_SKIP() << "too few heaps have slabs of their own";
    bring_everything_home();
  }
  void TearDown() override { bring_everything_home(); }
};

TEST_F(BundleLength, ColdClassesGatherFew) {
  OthersBlocks others(3 * bundle_capacity(kClass));
  unsigned most = 0;
  while (!others.empty()) {
    const timespec pause{0, learn::kHotNs};
    nanosleep(&pause, nullptr);
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

}  // namespace
}  // namespace hakmem
