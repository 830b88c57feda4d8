#include "thread/looks.hpp"

#include "base/bits.hpp"
#include "thread/background.hpp"

namespace hakmem {

// Of two threads that end a pause one notes it.
void Looks::note_new(std::uint64_t now_ms) {
  if (background_runs()) return;
  std::uint64_t last = looked_ms_.load_relaxed();
  if (now_ms <= last || !looked_ms_.try_replace_relaxed(last, now_ms)) return;
  const std::uint64_t length = now_ms - last < kMostMs ? now_ms - last : kMostMs;
  if (last == 0 || length < kLeastMs) return;
  ended_[log2_floor(length)].store_relaxed(now_ms << kLengthBits | length);
}

Looks::Pause Looks::longest_since(std::uint64_t since_ms, std::uint64_t now_ms) const {
  Pause longest;
  std::uint64_t longest_ms = kLeastMs - 1;
  const auto compare = [&](std::uint64_t began_ms, std::uint64_t ended_ms, bool is_open) {
    const std::uint64_t from_ms = began_ms < since_ms ? since_ms : began_ms;
    if (ended_ms <= from_ms || ended_ms > now_ms || ended_ms - from_ms <= longest_ms) return;
    longest_ms = ended_ms - from_ms;
    longest = {from_ms - since_ms, is_open ? kOpen : ended_ms - since_ms};
  };
  if (now_ms < since_ms + kLeastMs) return longest;
  for (const Atomic<std::uint64_t>& ended : ended_) {
    const std::uint64_t pause = ended.load_relaxed();
    const std::uint64_t ended_ms = pause >> kLengthBits;
    compare(ended_ms - (pause & kMostMs), ended_ms, false);
  }
  const std::uint64_t looked_ms = looked_ms_.load_relaxed();
  if (looked_ms != 0 && !background_runs()) compare(looked_ms, now_ms, true);
  return longest;
}

}  // namespace hakmem
