// Looks: when somebody last did what was due, and the pauses between.
//
//   a slow path does what is due, in whichever thread --> note(now)
//   a pause of at least kLeastMs ends                 --> ended[log2 of its length] has it, and the three before it
//   a block was idle from then until now              --> first_long_since(): the pause in that time that mattered most
//
// Where the background thread runs there are none. In a program of one thread nobody does what is due while it sleeps: a block
// that should go after a second goes when the program wakes up, or not before it is used again (docs/learning.md).
//
// Any thread; no locks: who reads while a pause ends may miss it.
// Above: housekeeping, large. Beside: background. Below: base.
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

  // Somebody does what is due. How long a pause has ended, 0: none.
  std::uint64_t note(std::uint64_t now_ms) {
    return HAK_LIKELY(now_ms == looked_ms_.load_relaxed()) ? 0 : note_new(now_ms);
  }

  // Until now somebody has been looking.
  void begin(std::uint64_t now_ms) { looked_ms_.store_relaxed(now_ms); }

  // Of the pauses since then the first that is at least half as long as the longest. None: to_ms is 0.
  Pause first_long_since(std::uint64_t since_ms, std::uint64_t now_ms) const;

 private:
  // One ended pause in a word: when it ended, and how long it was; kMostMs: for so long or longer.
  static constexpr unsigned kLengthBits = 24;
  static constexpr std::uint64_t kMostMs = (std::uint64_t{1} << kLengthBits) - 1;
  static constexpr unsigned kKept = 4;  // of each doubling

  std::uint64_t note_new(std::uint64_t now_ms);
  template <typename See>
  void for_each(std::uint64_t since_ms, std::uint64_t now_ms, See see) const;

  Atomic<std::uint64_t> looked_ms_{0};  // 0: nobody has yet
  Atomic<std::uint64_t> ended_[kLengthBits][kKept] = {};
  Atomic<std::uint32_t> count_[kLengthBits] = {};  // of all that have ended
};

inline constinit Looks looks;

}  // namespace hakmem
