// Profile: what a process has learned, in a form that outlasts it.
//
//   evidence[class][depth][group]      idle times, as sums (evidence.hpp)
//   sites: (module, offset), class     how long blocks wait that this call had: what classes are
//                                      split by
//   growths: (module, offset), class   how often realloc there made a block grow to that class
//   modules: build id, name            of the executable or library that a site lies in
//
// A site is known by its module's build id and its offset in the module, so that it is the same in
// every process whatever address the module is loaded at. Inside a process it is a Site: 32 bits
// of a hash of both.
//
// Invariants:
//   (1) merge() is commutative and associative, but for tables that are full;
//   (2) a site's module is one of modules[0..module_count), or kNoModule: only its hash is known.
//
// 3 MB, of which a process touches the pages of contexts that it has seen.
// Above: learner, large, the command. Below: evidence, contexts. No locks.
#pragma once

#include "learn/contexts.hpp"
#include "learn/evidence.hpp"
#include "learn/sites.hpp"

namespace hakmem::learn {

struct ProfileModule {
  static constexpr std::size_t kMaxBuildId = 32;
  static constexpr std::size_t kMaxName = 64;

  std::uint8_t build_id[kMaxBuildId] = {};
  std::size_t build_id_bytes = 0;  // 0: has none, and is known by its name
  char name[kMaxName] = {};        // without its directory, ended by '\0'
};

struct ProfileSite {
  static constexpr std::uint32_t kNoModule = ~std::uint32_t{0};

  Site site = 0;
  std::uint32_t module = kNoModule;
  std::uint64_t offset = 0;
  std::uint32_t size_class = 0;
  std::uint64_t blocks = 0;    // 0: the entry is unused
  std::uint64_t log2_sum = 0;  // of idle microseconds, in 1/256
};

struct ProfileGrowth {
  Site site = 0;
  std::uint32_t module = ProfileSite::kNoModule;
  std::uint64_t offset = 0;
  std::uint32_t size_class = 0;
  std::uint64_t steps = 0;  // 0: the entry is unused
};

struct Profile {
  static constexpr std::size_t kMaxModules = 64;
  static constexpr std::size_t kMaxSites = 512;
  static constexpr std::size_t kMaxGrowths = 1024;

  Evidence evidence[kLargeClasses][kDepths][kGroups];
  ProfileSite sites[kMaxSites];
  ProfileGrowth growths[kMaxGrowths];
  ProfileModule modules[kMaxModules];
  std::size_t site_count = 0;
  std::size_t growth_count = 0;
  std::size_t module_count = 0;

  Evidence& of(const Context& c) { return evidence[c.size_class][c.depth][c.group]; }
  const Evidence& of(const Context& c) const { return evidence[c.size_class][c.depth][c.group]; }
};

bool same_module(const ProfileModule& a, const ProfileModule& b);

// The same in every process. Never 0.
Site site_of(const ProfileModule& module, std::uint64_t offset);

// Where `module` stands in the profile, added if it is new; kNoModule when the table is full.
std::uint32_t find_or_add_module(Profile& profile, const ProfileModule& module);

// The site's sums for that class, added if they are new; nullptr when the table is full.
ProfileSite* find_or_add_site(Profile& profile, Site site, std::uint32_t size_class);

// A block of this class that `site` had was idle for idle_s.
void add_site(Profile& profile, Site site, std::uint32_t size_class, double idle_s);

// Blocks of this site have grown to this class `steps` times. False when the table is full.
bool add_growth(Profile& profile, Site site, std::uint32_t size_class, std::uint64_t steps);

// Adds `other` to `into`. False when modules, sites or growths found no room; the rest has been added.
bool merge(Profile& into, const Profile& other);

}  // namespace hakmem::learn
