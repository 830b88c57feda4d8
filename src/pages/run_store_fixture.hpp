// What tests rely on whatever other tests of their process have left: regions of one kind, a full release budget.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <vector>

#include "config/knobs.hpp"
#include "os/clock.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

inline void fill_release_budget() {
  constexpr std::uint64_t kHour_ns = 3'600'000'000'000;
  const std::uint64_t released_ns = release_cpu_ns.load_relaxed();
  release_budget.look(0, released_ns);
  release_budget.look(kHour_ns, released_ns);
}

// While it lives, what is allocated lies in regions that ask for huge pages, or in some that do not: it holds all that
// is free when it is made.
class FreshRegions {
 public:
  explicit FreshRegions(HugePagePolicy policy) {
    run_store.purge(os::now_ms(), true);
    settings.huge_pages = policy;
    while (run_store.use().free_bytes != 0) {
      others_.push_back(run_store.allocate(Granules{1}).run);
      if (others_.back() == nullptr) std::abort();
    }
  }
  ~FreshRegions() {
    for (Run* run : others_) run_store.release(run, true);  // untouched
    settings.huge_pages = HugePagePolicy::kAuto;
  }
  FreshRegions(const FreshRegions&) = delete;
  FreshRegions& operator=(const FreshRegions&) = delete;

 private:
  std::vector<Run*> others_;
};

inline Run* allocate_run(std::uint64_t count, std::uint64_t alignment = 1) {
  Run* run = run_store.allocate(Granules{count}, Granules{alignment}).run;
  if (run == nullptr) std::abort();
  return run;
}

inline std::uint64_t& first_word(Granule g) { return *reinterpret_cast<std::uint64_t*>(address_of(g)); }

inline void make_dirty(const Run* run) {
  for (std::uint64_t i = 0; i < count_of(run->count); ++i) first_word(run->first + i) = 1;
}

inline std::size_t dirty_bytes() { return run_store.use().dirty_bytes; }
inline void purge_all() { run_store.purge(os::now_ms(), true); }

// Without huge pages, whatever the machine does.
class RunStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    regions_.emplace(HugePagePolicy::kNever);
    fill_release_budget();
  }
  void TearDown() override {
    regions_.reset();
    EXPECT_TRUE(run_store.check_invariants());
  }

 private:
  std::optional<FreshRegions> regions_;
};

}  // namespace hakmem
