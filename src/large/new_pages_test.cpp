// New pages: a site whose blocks are touched whole gets the next one resident; others do not.
#include "large/new_pages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "config/knobs.hpp"
#include "large/large.hpp"
#include "large/touched.hpp"
#include "learn/huge_arms.hpp"
#include "os/memory.hpp"
#include "pages/run_store_fixture.hpp"
#include "thread/boot_hook.hpp"
#include "thread/huge_choice.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kBytes = 3 * kMiB;

std::size_t populated = 0;
bool (*kernel_populate)(std::byte*, std::size_t) = nullptr;

// Records (pages/metadata.cpp) and slabs are shorter.
bool count_and_populate(std::byte* start, std::size_t bytes) {
  if (bytes > kGranuleBytes) populated += bytes;
  return kernel_populate(start, bytes);
}

class NewPagesTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    give_back_idle_large();
    regions_.emplace(HugePagePolicy::kNever);
    boot_huge_choice(settings.price, false);
    boot_known_costs(false);
    know_small_pages(learn::CostModel{});
    new (&touched) Touched;  // nothing is known
    kernel_populate = std::exchange(os::memory.populate, count_and_populate);
    populated = 0;
  }
  void TearDown() override {
    for (std::byte* block : blocks_) free_large(block);
    os::memory.populate = kernel_populate;
    give_back_idle_large();
    regions_.reset();
    boot_huge_choice(settings.price, false);
  }

  // A block of pages that are not resident, for this call site.
  std::byte* make_new(std::uintptr_t site, std::size_t bytes) {
    give_back_idle_large();
    boot_known_costs(false);  // the process is young, however slow the machine is
    while (true) {
      auto* block = static_cast<std::byte*>(
          make_large(bytes, kGranuleBytes, kNoOwner, reinterpret_cast<const void*>(site)).start);
      blocks_.push_back(block);
      if (is_new(block, bytes)) return block;
    }
  }

  // The block is the caller's to free.
  void* take_over(std::byte* block) {
    blocks_.pop_back();
    return block;
  }

  void free_last() {
    free_large(blocks_.back());
    blocks_.pop_back();
  }

  void* make_growing(std::uintptr_t site, std::size_t size, bool touches);

  static bool is_new(const std::byte* block, std::size_t bytes) {
    const std::size_t resident = os::resident_pages(block, bytes);
    return resident == 0 || populated != 0;
  }

 private:
  std::optional<FreshRegions> regions_;
  std::vector<std::byte*> blocks_;
};

class NewPages : public NewPagesTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(NewPages, AreResidentWhereTheBlocksBeforeWereTouched) {
  for (int i = 0; i < 2; ++i) std::memset(make_new(0x1000, GetParam()), 1, GetParam());
  EXPECT_EQ(populated, 0u) << "one may be chance";
  const std::byte* next = make_new(0x1000, GetParam());
  EXPECT_EQ(populated, GetParam());
  EXPECT_EQ(next[GetParam() - 1], std::byte{0});
}

TEST_P(NewPages, AreNotWhereItWasTouchedInPart) {
  for (int i = 0; i < 8; ++i) std::memset(make_new(0x2000, GetParam()), 1, GetParam() / 2);
  EXPECT_EQ(populated, 0u);
}

TEST_P(NewPages, WhatWasFreedTellsHowMuchOfItWasTouched) {
  for (int i = 0; i < 8; ++i) {
    make_new(0x3000, GetParam())[0] = std::byte{1};
    free_last();
  }
  EXPECT_EQ(populated, 0u);
  for (int i = 0; i < 32 && populated == 0; ++i) {
    std::memset(make_new(0x3000, GetParam()), 1, GetParam());
    free_last();
  }
  EXPECT_NE(populated, 0u);
}

// A block of this site, which its program grows four times, touching what it got or not.
void* NewPagesTest::make_growing(std::uintptr_t site, std::size_t size, bool touches) {
  void* block = take_over(make_new(site, size));
  for (int i = 0; i < 4 && block != nullptr; ++i) {
    size += kMiB;
    boot_known_costs(false);
    block = resize_large(block, size, reinterpret_cast<const void*>(site));
    if (block != nullptr && touches) std::memset(block, 1, size);
  }
  return block;
}

// In place and by moving. The first blocks tell about each size class.
TEST_P(NewPages, GrowthIsResidentWhereWhatTheSiteGrewBeforeWasTouched) {
  for (int series = 0; series < 3; ++series) {
    void* block = make_growing(0x4000, GetParam(), true);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(populated == 0, series < 2);
    free_large(block);
  }
}

TEST_P(NewPages, GrowthIsNotWhereItWasLeftAlone) {
  for (int series = 0; series < 4; ++series) {
    void* block = make_growing(0x5000, GetParam(), false);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(populated, 0u);
    free_large(block);
  }
}

// All that malloc_usable_size tells may be written to, not only what was asked for; and asking for huge pages touches
// each.
TEST_F(NewPagesTest, WhatWasWrittenBeyondTheSizeAskedForStays) {
  settings.huge_pages = HugePagePolicy::kAuto;
  boot_huge_choice(settings.price, false);
  for (int i = 0; i < 3; ++i) {
    const auto* grower = reinterpret_cast<const void*>(std::uintptr_t{0x7000});
    void* block = resize_large(take_over(make_new(0x7000, 33 * kMiB)), 41 * kMiB, grower);
    ASSERT_NE(block, nullptr);
    ASSERT_GT(large_bytes(block), 46 * kMiB);
    const std::size_t from = 42 * kMiB;
    std::memset(static_cast<std::byte*>(block) + from, 1, 4 * kMiB);
    block = resize_large(block, 60 * kMiB, grower);
    ASSERT_NE(block, nullptr);
    const auto* written = static_cast<std::byte*>(block) + from;
    EXPECT_EQ(std::count(written, written + 4 * kMiB, std::byte{1}), 4 * kMiB) << i;
    std::memset(block, 1, 60 * kMiB);
    free_large(block);
  }
}

// Four units a site: each of its two blocks is looked at, the first of them twice.
TEST_F(NewPagesTest, AFullBlockPaysOnceForWhatIsOwedForHugePages) {
  settings.huge_pages = HugePagePolicy::kAuto;
  boot_huge_choice(settings.price, true);
  if (!system_has_huge_pages()) GTEST_SKIP() << "this system has no huge pages";
  const double unit_s = learn::kSmallPagesInHuge * learn::CostModel{}.fault_s;
  const double owed_units = (learn::kHostFault_s - unit_s) / unit_s / learn::kAskingShare;
  for (unsigned site = 1; 4 * site < owed_units + 4; ++site) {
    EXPECT_FALSE(huge_pages_pay(1)) << site;
    void* blocks[2];
    for (void*& block : blocks) {
      block = take_over(make_new(0x9000 + 16 * site, 2 * kHugePageBytes));
      std::memset(block, 1, 2 * kHugePageBytes);
    }
    for (void* block : blocks) free_large(block);
  }
  EXPECT_TRUE(huge_pages_pay(1));
}

INSTANTIATE_TEST_SUITE_P(OfRunsAndMappings, NewPages, testing::Values(kBytes, 33 * kMiB));

}  // namespace
}  // namespace hakmem
