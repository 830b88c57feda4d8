// See allocators.hpp.
#include "allocators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

// File names start with the stem; what follows is the rest of a version. A ".so" without a number
// is installed only by projects that have no other.
struct KnownAllocator {
  std::string_view stem;
  std::string_view name;
};

constexpr KnownAllocator kKnown[] = {
    {"libmimalloc.so.2", "mimalloc"},
    {"libjemalloc.so.2", "jemalloc"},
    {"libtcmalloc_minimal.so.4", "gperftools"},
    {"libtcmalloc.so.4", "gperftools-full"},
    {"libtbbmalloc_proxy.so.2", "tbb"},
    {"libsnmallocshim.so", "snmalloc"},
    {"libsnmallocshim-checks.so", "snmalloc-checks"},
    {"librpmallocwrap.so", "rpmalloc"},
    {"librpmalloc.so", "rpmalloc"},
};

// "libmine.so.1" is "mine".
std::string plain_name(const fs::path& library) {
  std::string name = library.filename().string();
  name.resize(std::min(name.find(".so"), name.size()));
  return name.starts_with("lib") ? name.substr(3) : name;
}

std::vector<fs::path> files_with_stem(const fs::path& directory, std::string_view stem) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.path().filename().string().starts_with(stem)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::optional<fs::path> find_our_library(std::string_view file) {
  std::error_code failed;
  const fs::path here = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const fs::path& place : {here / file, here.parent_path() / "lib" / file}) {
    if (fs::exists(place, failed)) return place;
  }
  return std::nullopt;
}

std::vector<Allocator> find_installed(const std::vector<fs::path>& directories) {
  std::vector<Allocator> found;
  std::set<fs::path> seen;
  for (const KnownAllocator& known : kKnown) {
    for (const fs::path& directory : directories) {
      for (const fs::path& file : files_with_stem(directory, known.stem)) {
        std::error_code failed;
        if (seen.insert(fs::canonical(file, failed)).second) {
          found.push_back({std::string(known.name), file, {}});
        }
      }
    }
  }
  return found;
}

std::vector<fs::path> library_directories() {
  return {"/usr/lib/" HAKMEM_LIBRARY_ARCHITECTURE, "/usr/lib64", "/usr/local/lib"};
}

Allocator parse_allocator(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  Allocator allocator;
  const std::size_t equals = parts[0].find('=');
  allocator.library = equals == std::string::npos ? parts[0] : parts[0].substr(equals + 1);
  if (allocator.library.empty()) {
    throw std::invalid_argument(fmt::format("'{}' names no library", text));
  }
  allocator.library = fs::absolute(allocator.library).lexically_normal();
  allocator.name =
      equals == std::string::npos ? plain_name(allocator.library) : parts[0].substr(0, equals);
  for (std::size_t part = 1; part < parts.size(); ++part) {
    const std::size_t split = parts[part].find('=');
    if (split == std::string::npos || split == 0) {
      throw std::invalid_argument(fmt::format("'{}' is not VARIABLE=VALUE", parts[part]));
    }
    allocator.variables.emplace_back(parts[part].substr(0, split), parts[part].substr(split + 1));
  }
  return allocator;
}

Environment environment_for(const Allocator& allocator, const Environment& base) {
  Environment environment = base;
  environment.unset("LD_PRELOAD");
  if (!allocator.library.empty()) environment.set("LD_PRELOAD", allocator.library.string());
  for (const auto& [name, value] : allocator.variables) environment.set(name, value);
  return environment;
}

}  // namespace hakmem::cli
