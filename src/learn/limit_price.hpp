// Limit price: what memory costs as its use nears a limit.
//
//   price
//   64 x |                          ____
//        |                        _/          base / (2 x the share of the limit that is left),
//    2 x |                     __-            at most 64 times the base
//    1 x |____________________-
//        0                  half        limit
//
// Up to half of the limit memory is as cheap as without one. From there on the price doubles
// whenever the room that is left halves: the arms that hold memory long lose first, and the last
// eighth is four times as dear. Stalls that the kernel reports (PSI) double it for each tenth of
// the time, since then the limit is felt already, whoever's memory it is.
//
// A pure function. Above: idle_blocks. Below: nothing.
#pragma once

#include <cstddef>

namespace hakmem::learn {

inline constexpr double kMostPriceRise = 64;
inline constexpr unsigned kStallStep = 10;  // per cent of the time

// `limit`: bytes, not 0. `stall_percent`: 0 to 100.
constexpr double price_under_limit(double base, std::size_t use, std::size_t limit,
                                   unsigned stall_percent) {
  double rise = kMostPriceRise;
  if (use < limit) {
    const double left = static_cast<double>(limit - use) / static_cast<double>(limit);
    rise = left >= 0.5 ? 1 : 0.5 / left;
  }
  for (unsigned stall = kStallStep; stall <= stall_percent; stall += kStallStep) rise *= 2;
  return base * (rise < kMostPriceRise ? rise : kMostPriceRise);
}

}  // namespace hakmem::learn
