// Profiles as text: what each context's blocks did, and which arm that speaks for.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "learn/profile.hpp"

namespace hakmem::cli {

struct ProfileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using ProfilePointer = std::unique_ptr<learn::Profile>;

// Throws ProfileError, which names the file and says why it is refused.
ProfilePointer read_profile(const std::filesystem::path& file);

// Replaces the file as a whole. Throws ProfileError.
void write_profile(const learn::Profile& profile, const std::filesystem::path& file);

// Contexts with their arms at this price, then sites, then growths.
std::string profile_text(const learn::Profile& profile, double price, bool colours);

// Contexts whose evidence differs: blocks and arms of both; growths that differ. Empty when none does.
std::string profile_diff(const learn::Profile& a, const learn::Profile& b, double price,
                         bool colours);

// One JSON object a line: a context's bin, a site, or a growth.
std::string profile_ndjson(const learn::Profile& profile);

}  // namespace hakmem::cli
