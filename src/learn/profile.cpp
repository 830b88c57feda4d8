// See profile.hpp.
#include "learn/profile.hpp"

#include <cstring>

#include "base/encoding.hpp"
#include "learn/approximate.hpp"

namespace hakmem::learn {
namespace {

void add_sums(ProfileSite& into, const ProfileSite& other) {
  IdleSum sum{into.blocks, into.log2_sum};
  sum.add({other.blocks, other.log2_sum});
  into.blocks = sum.blocks;
  into.log2_sum = sum.total_us;
}

bool merge_site(Profile& into, const Profile& other, const ProfileSite& from) {
  ProfileSite* to = find_or_add_site(into, from.site, from.size_class);
  if (to == nullptr) return false;
  add_sums(*to, from);
  if (from.module == ProfileSite::kNoModule || to->module != ProfileSite::kNoModule) return true;
  to->module = find_or_add_module(into, other.modules[from.module]);
  to->offset = from.offset;
  return to->module != ProfileSite::kNoModule;
}

}  // namespace

bool same_module(const ProfileModule& a, const ProfileModule& b) {
  if (a.build_id_bytes != b.build_id_bytes) return false;
  if (a.build_id_bytes == 0) return std::strcmp(a.name, b.name) == 0;
  return std::memcmp(a.build_id, b.build_id, a.build_id_bytes) == 0;
}

Site site_of(const ProfileModule& module, std::uint64_t offset) {
  const bool named = module.build_id_bytes == 0;
  const void* bytes = named ? static_cast<const void*>(module.name) : module.build_id;
  const std::size_t count = named ? std::strlen(module.name) : module.build_id_bytes;
  std::uint64_t sum = checksum_more(kChecksumStart, bytes, count);
  sum = checksum_more(sum, &offset, sizeof offset);
  const auto site = static_cast<Site>(sum ^ sum >> 32);
  return site == 0 ? 1 : site;
}

std::uint32_t find_or_add_module(Profile& profile, const ProfileModule& module) {
  for (std::size_t i = 0; i < profile.module_count; ++i) {
    if (same_module(profile.modules[i], module)) return static_cast<std::uint32_t>(i);
  }
  if (profile.module_count == Profile::kMaxModules) return ProfileSite::kNoModule;
  profile.modules[profile.module_count] = module;
  return static_cast<std::uint32_t>(profile.module_count++);
}

ProfileSite* find_or_add_site(Profile& profile, Site site, std::uint32_t size_class) {
  for (std::size_t i = 0; i < profile.site_count; ++i) {
    ProfileSite& one = profile.sites[i];
    if (one.site == site && one.size_class == size_class) return &one;
  }
  if (profile.site_count == Profile::kMaxSites) return nullptr;
  ProfileSite& added = profile.sites[profile.site_count++];
  added = {};
  added.site = site;
  added.size_class = size_class;
  return &added;
}

void add_site(Profile& profile, Site site, std::uint32_t size_class, double idle_s) {
  ProfileSite* entry = find_or_add_site(profile, site, size_class);
  if (entry == nullptr) return;
  const auto us = static_cast<double>(microseconds(idle_s));
  const double log2 = us > 1 ? approximate_log2(us) : 0;
  ProfileSite one;
  one.blocks = 1;
  one.log2_sum = static_cast<std::uint64_t>(log2 * 256);
  add_sums(*entry, one);
}

bool merge(Profile& into, const Profile& other) {
  for (unsigned c = 0; c < kLargeClasses; ++c) {
    for (unsigned d = 0; d < kDepths; ++d) {
      for (unsigned g = 0; g < kGroups; ++g) add(into.evidence[c][d][g], other.evidence[c][d][g]);
    }
  }
  bool fits = true;
  for (std::size_t i = 0; i < other.site_count; ++i) {
    if (!merge_site(into, other, other.sites[i])) fits = false;
  }
  return fits;
}

}  // namespace hakmem::learn
