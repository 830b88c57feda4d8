// Request class: the size class whose idle blocks serve a request of large blocks.
//
// Blocks are whole granules, and as long as their class (learn/contexts.hpp); a class that is no
// whole number of granules has no blocks of its own, so requests of it belong to the next one that
// is.
//
//   granules  1     2      3      4      5      6      7      8      10 ...
//   class     64K   128K   192K   256K   320K   384K   448K   512K   640K ...
//
// A pure function. Above: hand, idle_blocks. Below: learn.
#pragma once

#include <array>

#include "base/check.hpp"
#include "base/units.hpp"
#include "learn/contexts.hpp"

namespace hakmem {

// Up to 4 MiB by a table of one cache line, the rest by arithmetic.
inline constexpr std::size_t kTabledGranules = 64;

constexpr std::array<std::uint8_t, kTabledGranules> make_request_classes() {
  std::array<std::uint8_t, kTabledGranules> classes{};
  for (std::size_t i = 0; i < kTabledGranules; ++i) {
    classes[i] = static_cast<std::uint8_t>(learn::large_class_of((i + 1) * kGranuleBytes));
  }
  return classes;
}
inline constexpr auto kRequestClass = make_request_classes();

// `bytes` is not 0.
constexpr unsigned request_class(std::size_t bytes) {
  const std::size_t granules_less_one = (bytes - 1) >> kGranuleShift;
  if (HAK_LIKELY(granules_less_one < kTabledGranules)) return kRequestClass[granules_less_one];
  constexpr unsigned kDoublings = learn::kLargestLog2 - learn::kSmallestLog2;
  const unsigned doubling = log2_floor(granules_less_one);
  if (doubling >= kDoublings) return learn::kLargeClasses - 1;
  // With d doublings the class is 4 d + 1 + the two bits of `granules_less_one` below its highest.
  return doubling * 4 - 3 + static_cast<unsigned>(granules_less_one >> (doubling - 2));
}

// The longest class that a run of this length can serve.
constexpr unsigned class_served_by(std::size_t bytes) {
  const unsigned size_class = request_class(bytes);
  return learn::large_class_bytes(size_class) > bytes ? size_class - 1 : size_class;
}

}  // namespace hakmem
