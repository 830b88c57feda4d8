// Unmap: free units of regions go back to the system, and what lies beside them stays as it is.
#include <utility>

#include "os/memory.hpp"
#include "os/place.hpp"
#include "pages/run_store_fixture.hpp"

namespace hakmem {
namespace {

using Unmap = RunStoreTest;

// Spans between units that stay, each of which leaves a region before it and one behind.
TEST_F(Unmap, FreeUnitsGiveTheirAddressSpaceBack) {
  constexpr std::uint64_t kLong = 4 * kUnitGranules;
  purge_all();
  run_store.unmap_free();
  hakmem::Run* const whole = allocate_run(2 * kLong + 4 * kUnitGranules, kUnitGranules);
  const Granule start = whole->first;
  run_store.release(whole, true);
  const std::size_t before = run_store.mapped_bytes();
  hakmem::Run* runs[5] = {};
  for (hakmem::Run*& run : runs) {
    run = allocate_run((&run - runs) % 2 == 0 ? kUnitGranules : kLong, kUnitGranules);
    first_word(run->first) = index_of(run->first);
  }
  ASSERT_EQ(runs[4]->first, start + 2 * (kUnitGranules + kLong)) << "one after another";
  const Granule freed[] = {runs[1]->first, runs[3]->first};
  for (hakmem::Run* const run : {runs[1], runs[3]}) run_store.release(run);
  run_store.unmap_free();
  for (const Granule g : freed) EXPECT_EQ(page_map.tag_of(g), tag_for(Kind::kFreeDirty)) << "may be resident";
  purge_all();
  EXPECT_TRUE(run_store.unmap_free());
  for (const Granule g : freed) {
    EXPECT_EQ(page_map.tag_of(g), tag_for(Kind::kForeign));
    EXPECT_EQ(os::resident_pages(address_of(g), os::memory.page_size), 0u);
  }
  EXPECT_LE(run_store.mapped_bytes() + 2 * kLong * kGranuleBytes, before);
  EXPECT_TRUE(run_store.check_invariants());
  std::uint64_t walked = 0;
  run_store.for_each_granule([&walked](Granule, Tag tag) { walked += tag != tag_for(Kind::kForeign) ? 1 : 0; });
  EXPECT_EQ(walked * kGranuleBytes, run_store.mapped_bytes());
  EXPECT_FALSE(run_store.unmap_free());
  hakmem::Run* const again = allocate_run(kLong);
  make_dirty(again);
  for (hakmem::Run* const run : {runs[0], runs[2], runs[4]}) {
    EXPECT_EQ(first_word(run->first), index_of(run->first));
    run_store.release(run);
  }
  run_store.release(again);
}

// Of a free run some of which is dirty.
TEST_F(Unmap, CleanUnitsGoFromAmongDirtyGranules) {
  hakmem::Run* const whole = allocate_run(6 * kUnitGranules, kUnitGranules);
  const Granule start = whole->first;
  run_store.release(whole, true);
  hakmem::Run* const dirty = allocate_run(6 * kUnitGranules, kUnitGranules);
  ASSERT_EQ(dirty->first, start);
  run_store.shrink(dirty, Granules{2 * kUnitGranules + 1});
  purge_all();
  run_store.release(dirty);
  EXPECT_TRUE(run_store.unmap_free());
  EXPECT_EQ(page_map.tag_of(start + 2 * kUnitGranules), tag_for(Kind::kFreeDirty));
  EXPECT_EQ(page_map.tag_of(start + 3 * kUnitGranules), tag_for(Kind::kForeign));
  EXPECT_TRUE(run_store.check_invariants());
  purge_all();
  EXPECT_EQ(dirty_bytes(), 0u);
}

// As where a mapping would come apart into more than the system allows: what is free stays to be used.
TEST_F(Unmap, WhatTheSystemDoesNotTakeStays) {
  hakmem::Run* const run = allocate_run(4 * kUnitGranules, kUnitGranules);
  const Granule start = run->first;
  run_store.release(run, true);
  const std::size_t before = run_store.mapped_bytes();
  auto* const real_unmap = std::exchange(os::memory.unmap, [](std::byte*, std::size_t) { return false; });
  EXPECT_FALSE(run_store.unmap_free());
  os::memory.unmap = real_unmap;
  EXPECT_EQ(run_store.mapped_bytes(), before);
  EXPECT_EQ(page_map.tag_of(start), tag_for(Kind::kFreeClean));
  EXPECT_TRUE(run_store.check_invariants());
}

}  // namespace
}  // namespace hakmem
