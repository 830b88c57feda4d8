#include "api/snapshot_sites.hpp"

#include <cstring>

#include "large/learning.hpp"
#include "large/site_keys.hpp"
#include "learn/approximate.hpp"

namespace hakmem {

namespace {

void set_place(learn::Site site, hak_stats_site* into) {
  os::Module module;
  std::uint64_t offset = site;
  if (locate_site(site, &module, &offset)) {
    std::memcpy(into->module, module.name, strnlen(module.name, sizeof into->module - 1));
  }
  into->offset = offset;
}

hak_stats_site describe(const learn::SiteTable::Seen& seen) {
  hak_stats_site site{};
  const learn::ArmId best = seen.regret.best_fixed();
  site.block_bytes = learn::large_class_bytes(seen.size_class);
  site.offset = seen.site;
  site.mean_idle_s = learn::approximate_exp2(static_cast<double>(seen.mean));
  site.bill_paid_s = seen.regret.paid_s();
  site.bill_best_fixed_s = seen.regret.would_have_s(best);
  site.site_group = seen.group;
  std::strncpy(site.best_fixed_arm, learn::arm_of(best).name, sizeof site.best_fixed_arm - 1);
  return site;
}

// Among those kept so far, the largest bill first.
void insert(const hak_stats_site& site, hak_stats* stats) {
  constexpr std::uint32_t kMost = HAK_STATS_MAX_SITES;
  hak_stats_site* sites = stats->sites;
  if (stats->site_count == kMost && sites[kMost - 1].bill_paid_s >= site.bill_paid_s) return;
  std::uint32_t at = stats->site_count < kMost ? stats->site_count++ : kMost - 1;
  for (; at > 0 && sites[at - 1].bill_paid_s < site.bill_paid_s; --at) sites[at] = sites[at - 1];
  sites[at] = site;
}

}  // namespace

void describe_sites(hak_stats* stats) {
  learning.learner().sites().for_each([&](const learn::SiteTable::Seen& seen) {
    ++stats->sites_seen;
    insert(describe(seen), stats);
  });
  for (std::uint32_t i = 0; i < stats->site_count; ++i) {
    set_place(static_cast<learn::Site>(stats->sites[i].offset), &stats->sites[i]);
  }
}

}  // namespace hakmem
