// Touched: how much of a new block programs touch, by call site and size class.
//
//   site, class   share   asked   last       share: 0 to 1, of the pages of the blocks that were looked at,
//   ..........    0.98      7     block             newer ones count more; below 0: of none yet
//
// Blocks that were populated tell nothing, so one in kBlind is not. A site of which nothing is known is taken to be
// like the others, but for its first block.
//
// Above: new_pages. Below: learn, atomics. Any thread, no locks: two sites of one entry, or two threads of one
// site, may overwrite each other's words, which costs an observation.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "learn/sites.hpp"

namespace hakmem {

class Touched {
 public:
  static constexpr unsigned kBlind = 16;

  // What share of the next new block there will be touched. Below 0: it is to be looked at.
  float expect(learn::Site site, unsigned size_class);

  // A block has been looked at.
  void note(learn::Site site, unsigned size_class, float share);

  // The site's last block that tells something, while nobody has looked at it. It may have been freed meanwhile, and its
  // addresses be another's, or nobody's.
  struct Block {
    std::uintptr_t start;
    std::size_t bytes;  // 0: none
  };
  void remember(learn::Site site, unsigned size_class, Block block);
  Block take_remembered(learn::Site site, unsigned size_class);

 private:
  static constexpr unsigned kIndexBits = 8;
  static constexpr std::uint32_t kEnough = 4;  // blocks, of any site, to speak for new sites

  struct Entry {
    Atomic<std::uint32_t> key{0};
    Atomic<float> share{0};
    Atomic<std::uint32_t> asked{0};
    Atomic<std::uintptr_t> start{0};
    Atomic<std::size_t> bytes{0};
  };

  // Of site and class, never 0.
  static std::uint32_t key_of(learn::Site site, unsigned size_class) {
    return (static_cast<std::uint32_t>(site) + size_class) * 0x9E3779B1U | 1U;
  }
  Entry& entry_of(std::uint32_t key);

  Entry entries_[1U << kIndexBits];
  Atomic<float> any_share_{1};
  Atomic<std::uint32_t> any_noted_{0};
};

inline constinit Touched touched;

}  // namespace hakmem
