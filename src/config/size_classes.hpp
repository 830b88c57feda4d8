// Size classes: which block sizes exist, made by one constexpr generator.
//
//   16 32 48 64 80 96 112 128 | 160 192 224 256 | ... | 4.5K 5K ... 8K  | ... | 20K 24K 28K 32K
//   every 16 up to 128        | four a doubling       | eight            | four
//
// Between 4 and 8 KiB there are eight: pages of 4 KiB with a header in front are common there, and
// SQLite's page cache takes 13 % less memory so. Eight in every doubling above 1 KiB saved no more
// anywhere, and cost node a few per cent.
//
// Invariants, checked for every size in size_classes_test.cpp:
//   (1) a request of n bytes gets the smallest class of at least n bytes;
//   (2) above 128 bytes a block wastes at most a fifth of itself, a tenth on average;
//   (3) every size is a multiple of 16, so every block is 16-byte aligned;
//   (4) a slab's tail, which fits no block, is at most a twelfth of the slab.
//
// Two byte tables answer "which class": in steps of 16 bytes up to 1 KiB, of 128 bytes above.
// Above: slabs, thread, api. Below: base.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "base/bits.hpp"
#include "base/units.hpp"

namespace hakmem {

inline constexpr std::size_t kMaxTiny = 1 * kKiB;
inline constexpr std::size_t kMaxSmall = 32 * kKiB;  // Tiny and Mid: what slabs serve

inline constexpr std::size_t kFineStep = 16;
inline constexpr std::size_t kFineLimit = 128;

// In the doubling from `base` on.
constexpr std::size_t classes_from(std::size_t base) { return base == 4 * kKiB ? 8 : 4; }

constexpr std::size_t count_classes() {
  std::size_t n = kFineLimit / kFineStep;
  for (std::size_t base = kFineLimit; base < kMaxSmall; base *= 2) n += classes_from(base);
  return n;
}

inline constexpr std::size_t kClasses = count_classes();

constexpr std::array<std::uint32_t, kClasses> make_class_sizes() {
  std::array<std::uint32_t, kClasses> sizes{};
  std::size_t i = 0;
  for (std::size_t n = kFineStep; n <= kFineLimit; n += kFineStep) sizes[i++] = static_cast<std::uint32_t>(n);
  for (std::size_t base = kFineLimit; base < kMaxSmall; base *= 2) {
    for (std::size_t k = 1; k <= classes_from(base); ++k) {
      sizes[i++] = static_cast<std::uint32_t>(base + base / classes_from(base) * k);
    }
  }
  return sizes;
}

inline constexpr std::array<std::uint32_t, kClasses> kClassSize = make_class_sizes();

// What a slab of one class looks like.
struct SlabShape {
  std::uint8_t granules;         // address space of one slab
  std::uint16_t slots;           // blocks in it
  std::uint16_t words;           // 64-bit words of one of its bitmaps
  std::uint8_t line_group;       // fewest blocks that fill whole cache lines: 1, 2 or 4
  std::uint32_t reciprocal;      // ceil(2^32 / size): slot = offset * reciprocal >> 32
};

inline constexpr std::size_t kMaxSlabGranules = 8;
inline constexpr std::size_t kMinSlabSlots = 8;
inline constexpr std::size_t kMaxTailShare = 12;

constexpr SlabShape make_slab_shape(std::size_t size) {
  std::size_t granules = 1;
  for (; granules < kMaxSlabGranules; ++granules) {
    const std::size_t bytes = granules * kGranuleBytes;
    if (bytes / size >= kMinSlabSlots && bytes % size <= bytes / kMaxTailShare) break;
  }
  const std::size_t slots = granules * kGranuleBytes / size;
  return {static_cast<std::uint8_t>(granules), static_cast<std::uint16_t>(slots),
          static_cast<std::uint16_t>((slots + 63) / 64),
          static_cast<std::uint8_t>(kCacheLine / std::gcd(size, kCacheLine)),
          static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + size - 1) / size)};
}

constexpr std::array<SlabShape, kClasses> make_slab_shapes() {
  std::array<SlabShape, kClasses> shapes{};
  for (std::size_t i = 0; i < kClasses; ++i) shapes[i] = make_slab_shape(kClassSize[i]);
  return shapes;
}

inline constexpr std::array<SlabShape, kClasses> kSlabShape = make_slab_shapes();

// table[ceil(n / step)] is the class of n, for n up to limit.
template <std::size_t kStep, std::size_t kLimit>
constexpr std::array<std::uint8_t, kLimit / kStep + 1> make_class_table() {
  std::array<std::uint8_t, kLimit / kStep + 1> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::size_t c = 0;
    while (kClassSize[c] < i * kStep) ++c;
    table[i] = static_cast<std::uint8_t>(c);
  }
  return table;
}

inline constexpr std::size_t kTinyStep = 16;
inline constexpr std::size_t kMidStep = 128;
inline constexpr auto kTinyClass = make_class_table<kTinyStep, kMaxTiny>();
inline constexpr auto kMidClass = make_class_table<kMidStep, kMaxSmall>();

// `size` is at most kMaxSmall.
constexpr ClassId class_of(std::size_t size) {
  if (size <= kMaxTiny) return ClassId{kTinyClass[(size + kTinyStep - 1) / kTinyStep]};
  return ClassId{kMidClass[(size + kMidStep - 1) / kMidStep]};
}

constexpr std::size_t size_of(ClassId c) { return kClassSize[index_of(c)]; }
constexpr const SlabShape& shape_of(ClassId c) { return kSlabShape[index_of(c)]; }

// The smallest class whose blocks hold `size` bytes and are all aligned to `alignment`: slabs start
// on a granule, so that is the first one whose size is a multiple of it. kClasses when none is.
constexpr std::size_t aligned_class_index(std::size_t size, std::size_t alignment) {
  if (size > kMaxSmall || alignment > kMaxSmall) return kClasses;
  std::size_t c = index_of(class_of(size));
  while (c < kClasses && kClassSize[c] % alignment != 0) ++c;
  return c;
}

}  // namespace hakmem
