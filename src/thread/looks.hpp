// Looks: when somebody last did what was due, and the pauses between.
//
//   slow paths, ticks of the background thread --> note(now)
//   a pause of at least kLeastMs ends          --> ended[log2 of its length] = it
//   a block was idle from then until now       --> longest_since(): the longest pause in that time
//
// Where the background thread runs there are none. In a program of one thread nobody does what is due while it sleeps: a block
// that should go after a second goes when the program wakes up, or not before it is used again (docs/learning.md).
//
// Of pauses of about the same length (within a doubling) the latest is known. Any thread; no locks: who reads while a pause ends
// may miss it.
// Above: housekeeping, background, large. Below: base.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/check.hpp"

namespace hakmem {

class Looks {
 public:
  static constexpr std::uint64_t kLeastMs = 8;  // two ticks of the coarse clock
  static constexpr std::uint64_t kOpen = ~std::uint64_t{0};

  // Milliseconds since the time that was asked about: [from_ms, to_ms). kOpen: it goes on.
  struct Pause {
    std::uint64_t from_ms = 0;
    std::uint64_t to_ms = 0;
  };

  // Somebody does what is due.
  void note(std::uint64_t now_ms) {
    if (HAK_UNLIKELY(now_ms != looked_ms_.load_relaxed())) note_new(now_ms);
  }

  // Until now somebody has been looking.
  void begin(std::uint64_t now_ms) { looked_ms_.store_relaxed(now_ms); }

  // The longest since then, none if to_ms is 0.
  Pause longest_since(std::uint64_t since_ms, std::uint64_t now_ms) const;

 private:
  // One ended pause in a word: when it ended, and how long it was.
  static constexpr unsigned kLengthBits = 24;
  static constexpr std::uint64_t kMostMs = (std::uint64_t{1} << kLengthBits) - 1;

  void note_new(std::uint64_t now_ms);

  Atomic<std::uint64_t> looked_ms_{0};  // 0: nobody has yet
  Atomic<std::uint64_t> ended_[kLengthBits] = {};
};

inline constinit Looks looks;

}  // namespace hakmem
