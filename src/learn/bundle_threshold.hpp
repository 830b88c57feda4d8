// Bundle threshold: how many of another heap's blocks a thread gathers before it hands them over
// (P2).
//
//   hot   many bundles a second leave because they are full: twice as many blocks, half the
//   exchanges cold  bundles leave only because they have waited long (knobs::kFlushMs): half as
//   many blocks else  nothing changes
//
// A cold class strands at most kColdBytes a bundle (or one block), a hot one a full magazine, and
// neither longer than knobs::kFlushMs beyond its thread's next slow path. It cannot oscillate at a
// steady rate: halving needs a second without a single full bundle, doubling needs kHotBundles of
// them, and doubling the length halves their number.
//
// Pure functions. Above: thread/tuner. Below: base. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"

namespace hakmem::learn {

inline constexpr std::uint32_t kHotBundles = 8;  // a second
inline constexpr std::size_t kColdBytes = 8 * kKiB;
inline constexpr unsigned kColdBlocks = 8;

// Bundles of one class that left in the last second.
struct BundleUse {
  std::uint32_t full = 0;
  std::uint32_t late = 0;
};

// What a cold class comes down to.
constexpr unsigned least_bundle(std::size_t block_bytes) {
  const std::size_t fit = kColdBytes / block_bytes;
  return fit < 1 ? 1 : fit > kColdBlocks ? kColdBlocks : static_cast<unsigned>(fit);
}

// `most`: blocks in a magazine of the class; the result is least_bundle() to `most`.
constexpr unsigned next_bundle(unsigned blocks, const BundleUse& use, std::size_t block_bytes,
                               unsigned most) {
  if (blocks > most) blocks = most;
  if (use.full >= kHotBundles) return blocks * 2 < most ? blocks * 2 : most;
  if (use.full != 0 || use.late == 0) return blocks;
  const unsigned least = least_bundle(block_bytes);
  return blocks / 2 < least ? least : blocks / 2;
}

}  // namespace hakmem::learn
