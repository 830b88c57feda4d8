// Site keys: call sites by names that are the same in every process (learn/profile.hpp), so that a
// profile outlasts address randomisation.
//
//   return address --find module, build id, offset--> learn::Site        once for each site
//                  --table, a load or a few-->        the same            from then on
//
//   learn::Site    --find module, offset-->            where it is         for reports
//
// Keys are used only where a profile is asked for; without one, a site is half of its address.
// Above: large, idle_blocks. Below: learn, os. Any thread, no locks; nothing is allocated.
#pragma once

#include "config/knobs.hpp"
#include "learn/profile.hpp"
#include "os/module.hpp"

namespace hakmem {

learn::Site site_key(const void* return_address);

// Half of the address.
inline learn::Site keyless_site(const void* return_address) {
  return static_cast<learn::Site>(reinterpret_cast<std::uintptr_t>(return_address));
}

inline bool sites_have_keys() { return settings.profile_path != nullptr; }

// What a call site is known by in this process. 0: it is not known.
inline learn::Site call_site(const void* return_address) {
  if (return_address == nullptr) return 0;
  return sites_have_keys() ? site_key(return_address) : keyless_site(return_address);
}

// Gives sites and growths of `profile` whose module is unknown their module and offset, where this process
// still knows them.
void name_sites(learn::Profile& profile);

// Where a site's call returns to. False where that is not known any more.
bool locate_site(learn::Site site, os::Module* module, std::uint64_t* offset);

}  // namespace hakmem
