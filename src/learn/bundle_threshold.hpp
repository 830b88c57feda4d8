// Bundle threshold: how many of another heap's blocks a thread gathers before it hands them over
// (P2), by the bill.
//
//   K bundles of a class are under way, R blocks of it go by a second, a hand-over costs c:
//     bill of n blocks a bundle, a second   R / n x c  +  price x K x n / 2 x block
//     least at                              n^2 = 2 R c / (price x K x block)
//
// This is the economic order quantity (Harris, 1913). Hot classes of small blocks come to a full
// magazine, cold ones and large blocks to few. What is not full leaves when waiting has cost a thread as
// much as handing over all that it has open, and after knobs::kFlushMs in any case.
//
// Steps are doublings, taken only beyond kBand of the best length: R / K must change by four times kBand
// squared for a length to go up and come back, so a steady rate comes to rest. At most one change a call.
//
// In every mode each thread goes by the pace of its own bundles, below that threshold: one that is full within kHotNs may
// be twice as long, and so may the next, up to a magazine; one that takes four times that, and the next is half as long.
//
// Pure functions. Above: thread/tuner, foreign. Below: base. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"

namespace hakmem::learn {

inline constexpr unsigned kLeastBundle = 2;
inline constexpr double kBand = 1.5;

// What one costs, sender and receiver, until it has been measured here.
inline constexpr double kUsualHandOverS = 0.3e-6;

// `held_s`: what a thread's open bundles have cost since it sent the last ones, in seconds of CPU.
constexpr bool have_waited(double held_s, unsigned bundles, double hand_over_s) {
  return bundles != 0 && held_s >= bundles * hand_over_s;
}

// A class, over all threads.
struct BundleUse {
  double blocks_per_s = 0;
  unsigned bundles = 0;  // under way
};

// The square of the best length.
constexpr double best_bundle_squared(const BundleUse& use, std::size_t block_bytes, double price,
                                     double hand_over_s) {
  const double hold = price * static_cast<double>(use.bundles) * static_cast<double>(block_bytes) /
                      static_cast<double>(kGiB);
  return hold > 0 ? 2 * use.blocks_per_s * hand_over_s / hold : 1e18;
}

// `most`: blocks in a magazine of the class; the result is kLeastBundle to `most`.
constexpr unsigned next_bundle(unsigned blocks, const BundleUse& use, std::size_t block_bytes, unsigned most,
                               double price, double hand_over_s) {
  if (use.blocks_per_s <= 0 || use.bundles == 0) return blocks;
  const double best = best_bundle_squared(use, block_bytes, price, hand_over_s);
  constexpr double band = kBand * kBand;
  while (blocks < most && best > band * blocks * blocks) blocks = blocks * 2 < most ? blocks * 2 : most;
  while (blocks > kLeastBundle && best * band < static_cast<double>(blocks) * blocks) blocks /= 2;
  return blocks < kLeastBundle ? kLeastBundle : blocks;
}

inline constexpr std::uint64_t kHotNs = 1'000'000;

// Of the usual length, after a bundle of so many doublings was full `took_ns` after it was opened.
constexpr std::uint8_t next_doublings(std::uint8_t doublings, bool may_grow, std::uint64_t took_ns) {
  if (took_ns <= kHotNs) return static_cast<std::uint8_t>(doublings + (may_grow ? 1 : 0));
  return static_cast<std::uint8_t>(doublings - (took_ns > 4 * kHotNs && doublings != 0 ? 1 : 0));
}

}  // namespace hakmem::learn
