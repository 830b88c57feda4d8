#include "large/growth.hpp"

namespace hakmem {

namespace {

constexpr std::uint64_t kRare = 8;  // a class that so few of the steps lead to is no reach

using Steps = std::uint64_t[learn::kLargeClasses];

// Bytes; 0: it has not grown at all.
std::size_t usual_reach(const Steps& steps) {
  std::uint64_t most = 0;
  for (const std::uint64_t count : steps) most = count > most ? count : most;
  for (unsigned c = learn::kLargeClasses; c-- > 0 && most != 0;) {
    if (steps[c] >= most / kRare + (most % kRare != 0)) return learn::large_class_bytes(c);
  }
  return 0;
}

}  // namespace

void Growth::take_over(Entry& entry, Site site, std::size_t reach) {
  for (Atomic<std::uint32_t>& count : entry.steps) count.store_relaxed(0);
  entry.reach.store_relaxed(reach);
  entry.site.store_relaxed(static_cast<learn::Site>(site));
}

void Growth::start_from(const learn::Profile& before) {
  for (std::size_t i = 0; i < before.growth_count; ++i) {
    const Site site{before.growths[i].site};
    if (entry_of(site).is_of(site)) continue;  // done with its first class
    Steps steps = {};
    for (std::size_t k = i; k < before.growth_count; ++k) {
      const learn::ProfileGrowth& one = before.growths[k];
      if (Site{one.site} == site) steps[one.size_class] = one.steps;
    }
    take_over(entry_of(site), site, usual_reach(steps));
  }
}

bool Growth::add_to(learn::Profile& profile) const {
  bool fits = true;
  for (const Entry& entry : entries_) {
    const learn::Site site = entry.site.load_relaxed();
    for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
      const std::uint32_t steps = entry.steps[c].load_relaxed();
      if (site != 0 && steps != 0) fits = learn::add_growth(profile, site, c, steps) && fits;
    }
  }
  return fits;
}

}  // namespace hakmem
