// See allocator_choice.hpp.
#include "allocator_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "commands.hpp"
#include "process.hpp"

namespace hakmem::cli {
namespace {

constexpr unsigned kProbeSeconds = 10;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// ld.so goes on without a library it cannot load, and the run would count as the C library's.
std::string why_unusable(const Allocator& allocator) {
  if (allocator.library.empty()) return "";
  const Environment environment = environment_for(allocator, Environment::inherited());
  const RunResult probe = run_measured({"/bin/true"}, environment, kProbeSeconds);
  if (!probe.succeeded()) return describe_end(probe) + " when preloaded into 'true'";
  if (probe.error_tail.find("cannot be preloaded") != std::string::npos)
    return "cannot be preloaded";
  return "";
}

std::vector<Allocator> candidates(const std::vector<std::string>& with) {
  std::vector<Allocator> all{{std::string(kLibcName), {}, {}}};
  if (const auto ours = find_our_library()) all.push_back({std::string(kOurName), *ours, {}});
  for (Allocator& installed : find_installed(library_directories()))
    all.push_back(std::move(installed));
  for (const std::string& text : with) {
    try {
      all.push_back(parse_allocator(text));
    } catch (const std::invalid_argument& error) {
      throw UsageError(std::string("--with: ") + error.what());
    }
  }
  return all;
}

}  // namespace

std::vector<Allocator> choose_allocators(const std::vector<std::string>& with,
                                         const std::vector<std::string>& only) {
  std::vector<Allocator> chosen;
  for (Allocator& allocator : candidates(with)) {
    if (!only.empty() && !contains(only, allocator.name)) continue;
    const std::string reason = why_unusable(allocator);
    if (!reason.empty()) {
      fmt::print(stderr, "hakmem: leaving out {} ({}): {}\n", allocator.name,
                 allocator.library.filename().string(), reason);
      continue;
    }
    std::erase_if(chosen, [&](const Allocator& earlier) { return earlier.name == allocator.name; });
    chosen.push_back(std::move(allocator));
  }
  for (const std::string& name : only) {
    const auto named = [&](const Allocator& allocator) { return allocator.name == name; };
    if (std::none_of(chosen.begin(), chosen.end(), named))
      throw UsageError("no allocator named " + name);
  }
  if (chosen.empty()) throw UsageError("no allocator left to compare");
  return chosen;
}

std::string baseline_of(const std::vector<Allocator>& allocators) {
  const std::string ours(kOurName);
  for (const Allocator& allocator : allocators) {
    if (allocator.name == ours) return ours;
  }
  fmt::print(stderr, "hakmem: comparing without {}, ratios are relative to {}\n", ours,
             allocators[0].name);
  return allocators[0].name;
}

}  // namespace hakmem::cli
