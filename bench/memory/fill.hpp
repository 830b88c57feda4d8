// Fills a table with touched blocks of mixed sizes until a number of bytes is reached.
//
// Sizes are spread evenly over the logarithm: each doubling from min to max gets as many blocks, so
// that small classes are used as well as large ones. With min equal to max all blocks have that
// size.
#pragma once

#include <algorithm>

#include "../common.hpp"
#include "quiet.hpp"

namespace bench {

struct Sizes {
  std::size_t min;
  std::size_t max;

  // A doubling first, then a place in it.
  std::size_t draw(Rng& rng) const {
    std::size_t doublings = 1;
    while ((min << doublings) < max) ++doublings;
    const std::size_t low = min << rng.below(doublings);
    return rng.between(low, std::min(2 * low, max));
  }
};

// As many blocks as fit into a table for this many bytes at the least.
inline std::size_t most_blocks(std::size_t bytes, const Sizes& sizes) {
  return bytes / sizes.min + 1;
}

inline void fill(BlockTable& table, std::size_t bytes, const Sizes& sizes, Rng& rng) {
  for (std::size_t filled = 0; filled < bytes;) {
    const std::size_t size = sizes.draw(rng);
    void* block = std::malloc(size);
    touch_pages(block, size);
    table.push(block);
    filled += size;
  }
}

}  // namespace bench
