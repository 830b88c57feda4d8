// The fixture of the tests of large blocks: afterwards none is left, in use or idle.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "large/large.hpp"
#include "os/clock.hpp"
#include "thread/huge_choice.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

inline constexpr OwnerId kHeap{7000};

inline std::uint64_t word_for(std::size_t i) { return i * 0x9E37'79B9'7F4A'7C15 + 1; }

// One word in every 4 KiB, so that each page has something to lose.
inline void fill(void* block, std::size_t bytes) {
  auto* words = static_cast<std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 512) words[i] = word_for(i);
}

inline bool holds(const void* block, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 512) {
    if (words[i] != word_for(i)) return false;
  }
  return true;
}

inline bool reads_zero(const void* block, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(block);
  for (std::size_t i = 0; i < bytes / 8; i += 64) {
    if (words[i] != 0) return false;
  }
  return true;
}

inline void* make(std::size_t size, std::size_t alignment = kMinAlign, OwnerId heap = kNoOwner) {
  return make_large(size, alignment, heap).start;
}

inline void release(void* block) { free_outside_slabs(block, page_map.tag_of(block)); }

inline Kind kind_at(const void* p) { return kind_of(page_map.tag_of(p)); }

inline void settle_down() {
  give_back_idle_large();
  run_store.purge(os::now_ms(), true);
}

class Large : public testing::Test {
 protected:
  void SetUp() override {
    settle_down();
    in_use = run_store.use().in_use_bytes();
    huge = huge_use();
  }
  void TearDown() override {
    settle_down();
    EXPECT_EQ(run_store.use().in_use_bytes(), in_use);
    EXPECT_EQ(huge_use().bytes, huge.bytes);
    EXPECT_EQ(huge_use().blocks, huge.blocks);
    EXPECT_TRUE(run_store.check_invariants());
  }

  std::size_t in_use = 0;
  HugeUse huge{};
};

// Pages cost what they usually do, whatever has been measured here.
class Resize : public Large {
 protected:
  void SetUp() override {
    boot_known_costs(false);
    know_small_pages(learn::CostModel{});
    Large::SetUp();
  }
};

}  // namespace hakmem
