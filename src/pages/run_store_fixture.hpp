// What tests rely on whatever other tests of their process have left: regions of one kind, a full release budget.
#pragma once

#include <cstdlib>
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

}  // namespace hakmem
