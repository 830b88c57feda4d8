// The allocators a comparison runs over: the C library's own, hakmem, those found in the machine's
// library directories, and those named by the user.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "environment.hpp"

namespace hakmem::cli {

struct Allocator {
  std::string name;
  std::filesystem::path library;  // empty: the C library's own malloc, no preload
  std::vector<std::pair<std::string, std::string>> variables;  // set for its runs only
};

inline constexpr std::string_view kLibcName = "glibc";
inline constexpr std::string_view kOurName = "hakmem";

// libhakmem.so beside this executable, or in the lib directory next to its directory; or another
// file of the project that stands there.
std::optional<std::filesystem::path> find_our_library(std::string_view file = "libhakmem.so");

// Known allocators in `directories`, each file once, in the order of the table of known names.
std::vector<Allocator> find_installed(const std::vector<std::filesystem::path>& directories);

// Where this machine keeps shared libraries.
std::vector<std::filesystem::path> library_directories();

// [NAME=]PATH[,VARIABLE=VALUE]...; without a name, libmine.so.1 is "mine". Throws
// std::invalid_argument with a sentence for the user.
Allocator parse_allocator(std::string_view text);

// The environment of a run under `allocator`: no preload but its own.
Environment environment_for(const Allocator& allocator, const Environment& base);

}  // namespace hakmem::cli
