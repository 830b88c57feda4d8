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

template <class Entry>
Entry* find_or_add(Entry* entries, std::size_t* count, std::size_t capacity, Site site,
                   std::uint32_t size_class) {
  for (std::size_t i = 0; i < *count; ++i) {
    if (entries[i].site == site && entries[i].size_class == size_class) return &entries[i];
  }
  if (*count == capacity) return nullptr;
  Entry& added = entries[(*count)++];
  added = {};
  added.site = site;
  added.size_class = size_class;
  return &added;
}

ProfileGrowth* find_or_add_growth(Profile& profile, Site site, std::uint32_t size_class) {
  return find_or_add(profile.growths, &profile.growth_count, Profile::kMaxGrowths, site,
                     size_class);
}

// Where the entry's site lies, if `into` does not know it yet.
template <class Entry>
bool merge_place(Profile& into, const Profile& other, const Entry& from, Entry* to) {
  if (from.module == ProfileSite::kNoModule || to->module != ProfileSite::kNoModule) return true;
  to->module = find_or_add_module(into, other.modules[from.module]);
  to->offset = from.offset;
  return to->module != ProfileSite::kNoModule;
}

bool merge_site(Profile& into, const Profile& other, const ProfileSite& from) {
  ProfileSite* to = find_or_add_site(into, from.site, from.size_class);
  if (to == nullptr) return false;
  add_sums(*to, from);
  return merge_place(into, other, from, to);
}

bool merge_growth(Profile& into, const Profile& other, const ProfileGrowth& from) {
  ProfileGrowth* to = find_or_add_growth(into, from.site, from.size_class);
  if (to == nullptr) return false;
  to->steps = saturated_sum(to->steps, from.steps);
  return merge_place(into, other, from, to);
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
  return find_or_add(profile.sites, &profile.site_count, Profile::kMaxSites, site, size_class);
}

bool add_growth(Profile& profile, Site site, std::uint32_t size_class, std::uint64_t steps) {
  ProfileGrowth* entry = find_or_add_growth(profile, site, size_class);
  if (entry != nullptr) entry->steps = saturated_sum(entry->steps, steps);
  return entry != nullptr;
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
  for (std::size_t i = 0; i < other.growth_count; ++i) {
    if (!merge_growth(into, other, other.growths[i])) fits = false;
  }
  return fits;
}

}  // namespace hakmem::learn
