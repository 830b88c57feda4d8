// Touched: whether programs touch the whole of a new block, by call site and size class.
//
//   site, class   full in a row   allowed   last       a block that was found full after another speaks for the next ones:
//   ..........          5            3      block      as many as have been full so, before one has to be seen again
//
// What was populated tells nothing, and a site whose last block is not known to be full gets nothing: so a site that
// stops touching its blocks wastes kMostAllowed of them at most, and a block found not full ends it at once. (A block that
// is found full when its site asks again counts once more when it is freed.)
//
// Above: new_pages. Below: learn, atomics. Any thread, no locks: two sites of one entry, or two threads of one
// site, may overwrite each other's words, which costs an observation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/atomics.hpp"
#include "learn/sites.hpp"

namespace hakmem {

class Touched {
 public:
  // How likely the next new block there is to be touched whole, if it may be populated; 0: it is to be seen.
  double expect(learn::Site site, unsigned size_class) const;

  // Whether the last one that was looked at was.
  bool was_full(learn::Site site, unsigned size_class) { return entry_of(site, size_class).full.load_relaxed() != 0; }

  // It is populated.
  void use_allowance(learn::Site site, unsigned size_class);

  // A block that was not populated has been looked at.
  void note(learn::Site site, unsigned size_class, bool is_full);

  // The site's last block that tells something, while nobody has looked at it. It may have been freed meanwhile, and its
  // addresses be another's, or nobody's.
  struct Block {
    std::uintptr_t start;
    std::size_t bytes;  // 0: none
  };
  void remember(learn::Site site, unsigned size_class, Block block);
  Block remembered(learn::Site site, unsigned size_class);

 private:
  static constexpr unsigned kIndexBits = 8;
  static constexpr std::uint32_t kMostFull = 64;
  static constexpr std::uint32_t kMostAllowed = 15;

  struct Entry {
    Atomic<std::uint32_t> key{0};
    Atomic<std::uint32_t> full{0};
    Atomic<std::uint32_t> allowed{0};
    Atomic<std::uintptr_t> start{0};
    Atomic<std::size_t> bytes{0};
  };

  // Of site and class, never 0.
  static std::uint32_t key_of(learn::Site site, unsigned size_class) {
    return (static_cast<std::uint32_t>(site) + size_class) * 0x9E3779B1U | 1U;
  }
  Entry& entry_of(learn::Site site, unsigned size_class);

  Entry entries_[1U << kIndexBits];
};

inline constinit Touched touched;

}  // namespace hakmem
