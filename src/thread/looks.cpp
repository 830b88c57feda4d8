#include "thread/looks.hpp"

#include "base/bits.hpp"
#include "thread/background.hpp"

namespace hakmem {

// Of two threads that end a pause one notes it.
std::uint64_t Looks::note_new(std::uint64_t now_ms) {
  if (background_runs()) return 0;
  std::uint64_t last = looked_ms_.load_relaxed();
  if (now_ms <= last || !looked_ms_.try_replace_relaxed(last, now_ms)) return 0;
  if (last == 0 || now_ms - last < kLeastMs) return 0;
  const std::uint64_t length = now_ms - last < kMostMs ? now_ms - last : kMostMs;
  const unsigned doubling = log2_floor(length);
  const std::uint32_t before = count_[doubling].load_relaxed();
  ended_[doubling][before % kKept].store_relaxed(now_ms << kLengthBits | length);
  count_[doubling].store_relaxed(before + 1);
  return now_ms - last;
}

// Calls see(from, to, is_open) for what of each known pause lies between the two, if it is not too short.
template <typename See>
void Looks::for_each(std::uint64_t since_ms, std::uint64_t now_ms, See see) const {
  const auto clip = [&](std::uint64_t began_ms, std::uint64_t ended_ms, bool is_open) {
    const std::uint64_t from_ms = began_ms < since_ms ? since_ms : began_ms;
    if (ended_ms <= now_ms && ended_ms >= from_ms + kLeastMs) see(from_ms, ended_ms, is_open);
  };
  for (const auto& of_doubling : ended_) {
    for (const Atomic<std::uint64_t>& ended : of_doubling) {
      const std::uint64_t pause = ended.load_relaxed();
      const std::uint64_t ended_ms = pause >> kLengthBits;
      const std::uint64_t length = pause & kMostMs;
      clip(length == kMostMs ? 0 : ended_ms - length, ended_ms, false);
    }
  }
  const std::uint64_t looked_ms = looked_ms_.load_relaxed();
  if (looked_ms != 0 && !background_runs()) clip(looked_ms, now_ms, true);
}

Looks::Pause Looks::first_long_since(std::uint64_t since_ms, std::uint64_t now_ms) const {
  if (now_ms < since_ms + kLeastMs) return {};
  std::uint64_t longest_ms = 0;
  for_each(since_ms, now_ms, [&](std::uint64_t from_ms, std::uint64_t to_ms, bool) {
    if (to_ms - from_ms > longest_ms) longest_ms = to_ms - from_ms;
  });
  Pause first;
  std::uint64_t first_from_ms = kOpen;
  for_each(since_ms, now_ms, [&](std::uint64_t from_ms, std::uint64_t to_ms, bool is_open) {
    if (from_ms >= first_from_ms || 2 * (to_ms - from_ms) < longest_ms) return;
    first_from_ms = from_ms;
    first = {from_ms - since_ms, is_open ? kOpen : to_ms - since_ms};
  });
  return first;
}

}  // namespace hakmem
