// The paths that are counted, and the child's side of counting them.
//
// A path warms up, so that caches are filled and symbols bound, and then makes its marked calls.
// The functions are taken from dlsym: what a program's own jump table adds is not the allocator's.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace count_path {

// How the marked calls of a path become one row.
enum class Summary {
  kMode,  // the count that occurs most often: the warm path itself
  kMean   // all of them, slow paths included; locked operations per kBundle calls
};

inline constexpr std::size_t kBundle = 64;

struct Path {
  std::string_view name;
  std::string_view what;
  Summary summary;
  void (*run)();
};

extern const std::array<Path, 18> kPaths;

// The child's main function: 0, or a message and 1 when malloc is not the preloaded library's.
int run_child(std::string_view name);

}  // namespace count_path
