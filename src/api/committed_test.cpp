// Commitment: what is counted equals the sum of the mappings, whatever large blocks go through.
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <vector>

#include "api/allocate.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

// The kernel's table, and the mappings that have been made since and are there. Blocks that have one
// of their own are the only ones that the kernel is asked to account.
os::MemoryOps kernel{};
std::map<std::byte*, std::size_t> mappings;
std::size_t mapped = 0;  // bytes in them

std::byte* map_and_count(std::size_t bytes, std::size_t alignment, bool accounted) {
  std::byte* start = kernel.map(bytes, alignment, accounted);
  if (start == nullptr || !accounted) return start;
  mappings[start] = bytes;
  mapped += bytes;
  return start;
}

// A whole one, or its tail.
bool unmap_and_count(std::byte* start, std::size_t bytes) {
  kernel.unmap(start, bytes);
  const auto behind = mappings.upper_bound(start);
  if (behind == mappings.begin()) return true;
  const auto holder = std::prev(behind);
  if (start + bytes != holder->first + holder->second) return true;
  mapped -= bytes;
  holder->second -= bytes;
  if (holder->second == 0) mappings.erase(holder);
  return true;
}

class CommittedTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    before_ = settings;
    settings.learn = Learn::kOff;  // no mappings to measure on
    trim();
    kernel = os::memory;
    mappings.clear();
    mapped = 0;
    os::memory.map = map_and_count;
    os::memory.unmap = unmap_and_count;
    others_ = commitment.bytes() - sum();
  }
  void TearDown() override {
    os::memory.map = kernel.map;
    os::memory.unmap = kernel.unmap;
    settings = before_;
  }

  // By the other side's counts: the kernel's mappings, regions without what is clean, and records.
  static std::size_t sum() {
    const RunUse runs = run_store.use();
    return mapped + runs.in_use_bytes() + runs.dirty_bytes + metadata_use().handed_out;
  }

  std::size_t others_ = 0;  // mappings of tests before this one

 private:
  Settings before_;
};

TEST_F(CommittedTest, EqualsTheSumOfMappings) {
  constexpr std::size_t kSlots = 24;
  std::mt19937 random(1);
  std::vector<void*> blocks(kSlots, nullptr);
  std::size_t most_mapped = 0;
  for (int step = 0; step < 4000; ++step) {
    void*& block = blocks[random() % kSlots];
    const std::size_t size = std::size_t{1} << (14 + random() % 14);  // to 128 MiB
    switch (random() % 8) {
      case 0:
        if (block != nullptr) block = reallocate(block, size + random() % size, nullptr);
        break;
      case 1:
        os::advance_clock_for_test(100);
        tick_large(os::now_ms());
        run_store.purge(os::now_ms(), false);
        break;
      default:
        if (block != nullptr) deallocate(block);
        block = block == nullptr ? allocate(size + random() % size) : nullptr;
    }
    most_mapped = mapped > most_mapped ? mapped : most_mapped;
    ASSERT_EQ(commitment.bytes(), sum() + others_) << step;
  }
  for (void* block : blocks) {
    if (block != nullptr) deallocate(block);
  }
  trim();
  EXPECT_EQ(commitment.bytes(), sum() + others_);
  EXPECT_EQ(mapped, 0u) << "all given back";
  EXPECT_GT(most_mapped, 256 * kMiB);
}

}  // namespace
}  // namespace hakmem
