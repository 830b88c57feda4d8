// Bits and units: the tricks, against what they are short for.
#include "base/bits.hpp"

#include <gtest/gtest.h>

#include "base/units.hpp"

namespace hakmem {
namespace {

TEST(Bits, AlignUpIsTheNextMultiple) {
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
    for (std::size_t n = 0; n < 9000; n += 7) {
      const std::size_t up = align_up(n, alignment);
      ASSERT_EQ(up % alignment, 0u);
      ASSERT_GE(up, n);
      ASSERT_LT(up - n, alignment);
    }
  }
}

TEST(Bits, PowersOfTwo) {
  EXPECT_FALSE(is_power_of_two(0));
  for (unsigned i = 0; i < 64; ++i) {
    EXPECT_TRUE(is_power_of_two(std::size_t{1} << i));
    EXPECT_EQ(log2_floor(std::uint64_t{1} << i), i);
    EXPECT_EQ(lowest_bit(~std::uint64_t{0} << i), i);
    if (i > 1) {
      EXPECT_FALSE(is_power_of_two((std::size_t{1} << i) + 1));
      EXPECT_EQ(log2_floor((std::uint64_t{1} << i) - 1), i - 1);
    }
  }
}

TEST(Bits, LowMaskOfEveryLength) {
  for (unsigned n = 0; n <= 64; ++n) {
    EXPECT_EQ(std::popcount(low_mask(n)), static_cast<int>(n));
    EXPECT_TRUE(n == 64 || (low_mask(n) >> n) == 0);
  }
  EXPECT_EQ(low_mask(100), ~std::uint64_t{0});
}

TEST(Units, GranulesRoundUpAndAddressesComeBack) {
  EXPECT_EQ(count_of(granules_for(0)), 0u);
  EXPECT_EQ(count_of(granules_for(1)), 1u);
  EXPECT_EQ(count_of(granules_for(kGranuleBytes)), 1u);
  EXPECT_EQ(count_of(granules_for(kGranuleBytes + 1)), 2u);
  EXPECT_EQ(bytes_of(Granules{3}), 3 * kGranuleBytes);
  const std::uintptr_t address = 0x7f12'3456'789a;
  const Granule g = granule_at(address);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address_of(g)), address - address % kGranuleBytes);
  EXPECT_EQ(granule_of(address_of(g) + kGranuleBytes), g + 1);
  EXPECT_EQ(count_of((g + Granules{9}) - g), 9u);
}

}  // namespace
}  // namespace hakmem
