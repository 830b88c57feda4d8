// Prefault: which of a heap's new slabs are made resident before they are touched.
#include "thread/prefault.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store_fixture.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 1024;  // the longest for which it is done
constexpr std::size_t kBlocks = kGranuleBytes / kSize;  // of a slab

void know_faults(double fault_s) {
  learn::CostModel costs;
  costs.fault_s = fault_s;
  know_small_pages(costs);
}

// Untouched blocks that fill so many slabs; for each slab its pages that are resident.
std::vector<std::size_t> resident_pages_of(std::size_t slabs) {
  std::vector<std::size_t> pages;
  for (std::size_t i = 0; i < slabs * kBlocks; ++i) {
    const void* block = allocate(kSize);
    if (i % kBlocks != 0) continue;
    pages.push_back(os::resident_pages(address_of(granule_of(block)), kGranuleBytes));
  }
  return pages;
}

std::size_t all() { return kGranuleBytes / os::memory.page_size; }

class PrefaultTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    regions_.emplace(HugePagePolicy::kNever);
  }

 private:
  std::optional<FreshRegions> regions_;
};

TEST_F(PrefaultTest, ASlabOfAClassThatHasFilledOneIsResident) {
  know_faults(10 * learn::CostModel{}.populate_s);
  EXPECT_EQ(resident_pages_of(3), (std::vector<std::size_t>{0, all(), all()})) << "the first may serve a single block";
}

TEST_F(PrefaultTest, WhereFaultsAreCheaperTheEvidenceHasToBeBetter) {
  know_faults(1.5 * learn::CostModel{}.populate_s);
  EXPECT_EQ(resident_pages_of(4), (std::vector<std::size_t>{0, 0, all(), all()}));
}

TEST_F(PrefaultTest, WhereFaultsAreNoDearerThanTheCallNoSlabIs) {
  know_faults(learn::CostModel{}.populate_s);
  EXPECT_EQ(resident_pages_of(4), (std::vector<std::size_t>{0, 0, 0, 0}));
}

TEST_F(PrefaultTest, NothingIsWhereLearningDoesNotAct) {
  know_faults(10 * learn::CostModel{}.populate_s);
  const Learn before = settings.learn;
  for (const Learn learn : {Learn::kOn, Learn::kFrozen, Learn::kOff, Learn::kShadow}) {
    settings.learn = learn;
    EXPECT_EQ(prefault_pays(1), learn == Learn::kOn || learn == Learn::kFrozen);
  }
  settings.learn = before;
}

TEST_F(PrefaultTest, NothingIsWhenHalfOfALimitIsUsed) {
  know_faults(10 * learn::CostModel{}.populate_s);
  deallocate(allocate(kSize));  // so that something is committed
  for (const std::size_t times : {std::size_t{8}, std::size_t{1}}) {
    commitment.set_limits(times * commitment.bytes(), SIZE_MAX, {});
    EXPECT_EQ(prefault_pays(1), times == 8);
  }
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
}

TEST_F(PrefaultTest, RecordsComeOnPagesThatAreThere) {
  for (int i = 0; i < 64; ++i) {
    const auto record = reinterpret_cast<std::uintptr_t>(metadata_allocate(kSize));
    const auto* page = reinterpret_cast<const std::byte*>(record / os::memory.page_size * os::memory.page_size);
    EXPECT_EQ(os::resident_pages(page, os::memory.page_size), 1u) << i;
  }
}

}  // namespace
}  // namespace hakmem
