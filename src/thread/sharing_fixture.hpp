// For tests of shared slabs, and of who lives on them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "os/clock.hpp"
#include "pages/run_store.hpp"
#include "thread/heap_fixture.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {

constexpr std::size_t kSplit = 48;  // blocks of which lines may be split
constexpr std::size_t kMiddle = 4096;
constexpr std::size_t kLots = 3 * knobs::kSpareBytes;

inline bool is_shared(void* block) { return owner_of(page_map.tag_of(block)) == everybodys_owner(os::Node{0}); }

struct HeldBlocks {
  explicit HeldBlocks(std::size_t size, std::size_t bytes = 64 * kKiB) : all(bytes / size) {
    for (void*& block : all) block = allocate(size);
  }
  ~HeldBlocks() { free_all(); }
  HeldBlocks(const HeldBlocks&) = delete;
  HeldBlocks& operator=(const HeldBlocks&) = delete;

  void free_all() {
    for (void* block : all) deallocate(block);
    all.clear();
  }
  std::size_t shared() const { return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_shared)); }
  std::size_t size() const { return all.size(); }

  std::vector<void*> all;
};

class SharingTest : public testing::Test {
 protected:
  void SetUp() override {
    know_processors();
    os::advance_clock_for_test(knobs::kFlushMs + 1);  // heaps that have just changed may change again
    bring_everything_home();
  }
  void TearDown() override {
    bring_everything_home();
    EXPECT_TRUE(run_store.check_invariants());
  }
};

}  // namespace hakmem
