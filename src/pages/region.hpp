// Region: a piece of a run store's address space, and which of its units of 2 MiB may be on huge pages.
//
//   region    | unit | unit | unit | ...      2 MiB-aligned
//   bits         1      0      1              1: on a huge page, or will be at its first touch
//
// A region that asks for huge pages begins with all bits set; a unit that is split or refused loses its bit, and
// has it again once it is empty. One that does not ask has those of units that have asked, and of collapsed ones. A unit's bit lies at
// its number modulo kTracked, so that regions can be joined at either end.
//
// Above: run store (under its lock). Below: units.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace hakmem {

inline constexpr std::uint64_t kUnitGranules = kHugePageBytes / kGranuleBytes;

// By index_of().
constexpr std::uint64_t start_of_unit(std::uint64_t granule) { return granule & ~(kUnitGranules - 1); }

struct Region {
  static constexpr std::uint64_t kTracked = 512;  // units: 1 GiB, which few regions exceed

  Granule first{0};
  Granules count{0};
  bool huge = false;  // it asks for huge pages
  std::uint64_t huge_units[kTracked / 64] = {};

  bool holds(Granule g) const { return index_of(g) - index_of(first) < count_of(count); }

  // A longer one is as a whole what it asked for.
  bool tracks_units() const { return count_of(count) <= kTracked * kUnitGranules; }

  bool is_huge_at(Granule g) const {
    if (!tracks_units()) return huge;
    const std::uint64_t unit = number_of(g);
    return (huge_units[unit / 64] >> (unit % 64) & 1) != 0;
  }

  void set_huge_at(Granule g, bool on) {
    const std::uint64_t unit = number_of(g);
    const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
    huge_units[unit / 64] = on ? huge_units[unit / 64] | bit : huge_units[unit / 64] & ~bit;
  }

  // New address space, all of whose units are what it asked for.
  void set_all(Granule from, Granules length) {
    for (std::uint64_t i = 0; i < count_of(length) && i < kTracked * kUnitGranules; i += kUnitGranules)
      set_huge_at(from + i, huge);
  }

  // Joins a neighbour that asked for the same. False: it is none, or they would be too long together.
  bool join(Granule from, Granules length) {
    if (count_of(count) + count_of(length) > kTracked * kUnitGranules) return false;
    if (from + length == first) first = from;
    else if (first + count != from) return false;
    count = count + length;
    set_all(from, length);
    return true;
  }

 private:
  static std::uint64_t number_of(Granule g) { return index_of(g) / kUnitGranules % kTracked; }
};

}  // namespace hakmem
