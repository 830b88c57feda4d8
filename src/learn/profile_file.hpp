// Profile file: a profile as bytes. docs/profile-format.md says it in words.
//
//   FileHeader | contexts | modules | sites | growths     numbers of variable length (base/encoding.hpp)
//
// The bytes depend on what the profile holds alone, not on the order in which it came: modules,
// sites and growths are written sorted. Sites whose module is unknown are left out.
// Above: the library's start and exit, the command. Below: profile. Pure functions.
#pragma once

#include "learn/profile.hpp"

namespace hakmem::learn {

inline constexpr char kProfileMagic[8] = {'H', 'A', 'K', 'P', 'R', 'O', 'F', '\n'};
inline constexpr std::uint32_t kProfileVersion = 3;  // 1 has no growths, 1 and 2 nothing unwatched; both are read

struct ProfileHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t reserved;  // 0
  std::uint64_t length;    // bytes that follow
  std::uint64_t checksum;  // of the header with 0 here, and of what follows
};

static_assert(sizeof(ProfileHeader) == 32, "no padding");

// No profile takes more.
inline constexpr std::size_t kMaxProfileBytes = 6 * kMiB;

// Writes at most kMaxProfileBytes; the number of bytes written.
std::size_t encode_profile(const Profile& profile, std::byte* to);

// nullptr, or what is wrong, in words: `into` is then empty. `into` is empty when called.
const char* decode_profile(const std::byte* bytes, std::size_t count, Profile& into);

}  // namespace hakmem::learn
