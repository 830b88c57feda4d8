// Fill target: what a thread keeps of each class, and in all, as its demand moves (P1).
//
// A class's fill target, the blocks that its next fill takes, doubles with each miss and halves
// with each quiet look. What is cached of it goes home when waiting has cost as much as the way home
// and back, after kQuietLooks at the latest: who waits so long pays at most twice what the best
// choice would have cost, whatever comes. A thread's allowance, the bytes of its spare magazines,
// doubles when the same blocks go home and come back for want of room so often that this costs more
// than the room, and halves when half of it has not been needed for kCalmLooks.
//
//   miss: a fill from slabs     overflow: a full magazine without room     look: every kLookMs, by
//   the
//                                                                          thread, in a slow path
//
// Nothing here grows by one event: that a class appears once is neither churn nor a reason to keep
// its blocks. Changes in a second are bounded: growth by kMostGrowth a look, shrinking by one a
// look.
//
// Pure functions. Above: thread/capacity. Below: base. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"

namespace hakmem::learn {

inline constexpr std::uint32_t kLookMs = 100;
inline constexpr std::uint8_t kQuietLooks = 10;
inline constexpr std::uint8_t kCalmLooks = 20;
inline constexpr unsigned kMostGrowth = 4;

// A quiet class is looked at twice, whatever it holds: a thread may have slept in between.
inline constexpr std::uint8_t kLeastQuietLooks = 2;

// A magazine's blocks home to their slabs, and as many back, in seconds of CPU.
inline constexpr double kRoundTripS = 4e-6;

// What these bytes cost from one look to the next, in seconds of CPU.
constexpr double look_price_s(std::size_t bytes, double price) {
  return price * static_cast<double>(bytes) / static_cast<double>(kGiB) * (kLookMs * 1e-3);
}

// A class in a thread, since the last look.
struct ClassDemand {
  std::uint16_t misses = 0;
  std::uint16_t overflows = 0;
  std::uint8_t quiet = 0;  // looks in a row that found nothing changed
};

constexpr unsigned next_fill(unsigned fill, const ClassDemand& demand, unsigned least) {
  if (demand.quiet < 2) return fill;
  return fill / 2 < least ? least : fill / 2;
}

// One look later. `moved`: its cached blocks are not those of the last look.
constexpr ClassDemand look_at(const ClassDemand& demand, bool moved) {
  const bool busy = moved || demand.misses != 0 || demand.overflows != 0;
  const bool full = demand.quiet == UINT8_MAX;
  return {0, 0, static_cast<std::uint8_t>(busy ? 0 : demand.quiet + (full ? 0 : 1))};
}

// What is cached of the class, `bytes`, goes home; once in a quiet spell unless there are bytes again.
constexpr bool goes_home(const ClassDemand& demand, std::size_t bytes, double price) {
  if (demand.quiet == kQuietLooks) return true;
  return demand.quiet >= kLeastQuietLooks && look_price_s(bytes, price) * demand.quiet >= kRoundTripS;
}

// A thread, over all its classes.
struct Allowance {
  std::size_t bytes = 0;
  std::size_t most_used = 0;  // in spare magazines, since the last look
  unsigned grown = 0;         // times, since the last look
  std::uint8_t calm = 0;      // looks in a row at which half would have done
};

// What the allowance should become when a magazine of `need` bytes finds no room. Since the last
// look the class has been filled from slabs, so what goes home now comes back, and its round trips
// cost at least what room for it does.
constexpr std::size_t grown_allowance(const Allowance& a, const ClassDemand& demand, std::size_t need,
                                      std::size_t most, double price) {
  const unsigned trips = demand.misses < demand.overflows ? demand.misses : demand.overflows;
  if (trips == 0 || trips * kRoundTripS < look_price_s(need, price)) return a.bytes;
  if (a.grown >= kMostGrowth) return a.bytes;
  const std::size_t wanted = a.bytes < need ? a.bytes + need : a.bytes * 2;
  return wanted < most ? wanted : most < a.bytes ? a.bytes : most;
}

// One look later.
constexpr Allowance look_at(const Allowance& a, std::size_t used, std::size_t least) {
  const bool half_would_do = a.grown == 0 && a.most_used <= a.bytes / 2 && a.bytes > least;
  const auto calm = static_cast<std::uint8_t>(half_would_do ? a.calm + 1 : 0);
  if (calm < kCalmLooks) return {a.bytes, used, 0, calm};
  return {a.bytes / 2 < least ? least : a.bytes / 2, used, 0, 0};
}

}  // namespace hakmem::learn
