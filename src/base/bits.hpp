// Bits: the few bit tricks the allocator needs, with names.
//
// Above: everything. Below: nothing. Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace hakmem {

// `alignment` is a power of two.
constexpr std::size_t align_up(std::size_t value, std::size_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

constexpr bool is_power_of_two(std::size_t value) { return std::has_single_bit(value); }

constexpr unsigned lowest_bit(std::uint64_t word) {
  return static_cast<unsigned>(std::countr_zero(word));
}

constexpr unsigned log2_floor(std::uint64_t value) {
  return static_cast<unsigned>(std::bit_width(value)) - 1;
}

// The lowest `n` bits set; n is at most 64.
constexpr std::uint64_t low_mask(unsigned n) {
  return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

}  // namespace hakmem
