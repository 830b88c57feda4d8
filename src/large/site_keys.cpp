#include "large/site_keys.hpp"

#include <cstring>

#include "base/atomics.hpp"
#include "config/knobs.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kEntries = 4096;
constexpr std::size_t kProbes = 16;

struct Entry {
  Atomic<std::uintptr_t> address;  // 0: unused; set once
  Atomic<learn::Site> key;         // 0: not known yet; set once
};

constinit Entry table[kEntries] = {};

learn::ProfileModule module_of(const os::Module& found) {
  learn::ProfileModule module;
  module.build_id_bytes = found.build_id_bytes;
  std::memcpy(module.build_id, found.build_id, found.build_id_bytes);
  std::memcpy(module.name, found.name, strnlen(found.name, sizeof module.name - 1));
  return module;
}

bool locate(std::uintptr_t address, learn::ProfileModule* module, std::uint64_t* offset) {
  os::Module found;
  if (!os::find_module(address, &found)) return false;
  os::describe_module(&found);
  *module = module_of(found);
  *offset = address - found.start;
  return true;
}

// Code that lies in no file has half of its address as its key, and no name.
learn::Site find_key(std::uintptr_t address) {
  learn::ProfileModule module;
  std::uint64_t offset = 0;
  if (!locate(address, &module, &offset)) return static_cast<learn::Site>(address) | 1;
  return learn::site_of(module, offset);
}

// The address's entry, taken if it is new; nullptr when there is no room.
Entry* entry_of(std::uintptr_t address) {
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15u;
  const std::uint64_t first = (std::uint64_t{address} * kGoldenRatio) >> 32;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Entry& entry = table[(first + i) % kEntries];
    std::uintptr_t there = entry.address.load_relaxed();
    if (there == 0 && entry.address.try_replace_relaxed(there, address)) return &entry;
    if (there == address) return &entry;
  }
  return nullptr;
}

// A site or a growth, while its module is not known.
template <class Named>
void name(learn::Profile& profile, Named& site) {
  if (site.module != learn::ProfileSite::kNoModule) return;
  for (const Entry& entry : table) {
    if (entry.key.load_relaxed() != site.site) continue;
    learn::ProfileModule module;
    std::uint64_t offset = 0;
    if (!locate(entry.address.load_relaxed(), &module, &offset)) continue;
    if (learn::site_of(module, offset) != site.site) continue;
    site.module = learn::find_or_add_module(profile, module);
    site.offset = offset;
    return;
  }
}

}  // namespace

bool locate_site(learn::Site site, os::Module* module, std::uint64_t* offset) {
  std::uintptr_t address = 0;
  if (!sites_have_keys()) {
    if (!os::find_code(site, &address)) return false;
  } else {
    for (const Entry& entry : table) {
      if (entry.key.load_relaxed() != site) continue;
      address = entry.address.load_relaxed();
      break;
    }
  }
  if (address == 0 || !os::find_module(address, module)) return false;
  os::name_module(module);
  *offset = address - module->start;
  return true;
}

learn::Site site_key(const void* return_address) {
  const auto address = reinterpret_cast<std::uintptr_t>(return_address);
  Entry* entry = entry_of(address);
  if (entry == nullptr) return find_key(address);
  learn::Site key = entry->key.load_relaxed();
  if (key == 0) {
    key = find_key(address);
    entry->key.store_relaxed(key);
  }
  return key;
}

void name_sites(learn::Profile& profile) {
  for (std::size_t i = 0; i < profile.site_count; ++i) name(profile, profile.sites[i]);
  for (std::size_t i = 0; i < profile.growth_count; ++i) name(profile, profile.growths[i]);
}

}  // namespace hakmem
