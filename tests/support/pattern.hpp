// Fills blocks with bytes that depend on a seed and on the offset, and checks them again later.
//
// Two blocks with different seeds that overlap anywhere spoil each other's pattern, so a check that
// passes says that nobody else wrote into the block. Blocks above `kDenseLimit` are sampled (one
// word per `kStride` bytes and the last word): what moves them is page-wise, and filling them whole
// would only measure page faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace support {

inline constexpr std::size_t kDenseLimit = std::size_t{1} << 20;
inline constexpr std::size_t kStride = 512;

inline std::uint64_t pattern_word(std::uint64_t seed, std::size_t offset) {
  return (seed + 1) * 0x9E3779B97F4A7C15u ^ (offset + 1) * 0xBF58476D1CE4E5B9u;
}

// Calls `visit(offset, length)` for each piece of a block of `size` bytes that carries the pattern.
// All pieces start at multiples of a word, so no two of them overlap in part.
template <class Visit>
bool for_each_piece(std::size_t size, Visit visit) {
  const std::size_t step = size > kDenseLimit ? kStride : sizeof(std::uint64_t);
  const auto visit_at = [&](std::size_t offset) {
    const std::size_t left = size - offset;
    return visit(offset, left < sizeof(std::uint64_t) ? left : sizeof(std::uint64_t));
  };
  for (std::size_t offset = 0; offset < size; offset += step) {
    if (!visit_at(offset)) return false;
  }
  return size == 0 || visit_at((size - 1) / sizeof(std::uint64_t) * sizeof(std::uint64_t));
}

inline void fill(void* block, std::size_t size, std::uint64_t seed) {
  auto* bytes = static_cast<unsigned char*>(block);
  for_each_piece(size, [&](std::size_t offset, std::size_t length) {
    const std::uint64_t word = pattern_word(seed, offset);
    std::memcpy(bytes + offset, &word, length);
    return true;
  });
}

// True when the first `kept` bytes of a block that was filled with `filled` bytes still hold its
// pattern.
inline bool holds(const void* block, std::size_t filled, std::size_t kept, std::uint64_t seed) {
  const auto* bytes = static_cast<const unsigned char*>(block);
  return for_each_piece(filled, [&](std::size_t offset, std::size_t length) {
    if (offset >= kept) return true;
    const std::uint64_t word = pattern_word(seed, offset);
    return std::memcmp(bytes + offset, &word, length < kept - offset ? length : kept - offset) == 0;
  });
}

inline bool holds(const void* block, std::size_t size, std::uint64_t seed) {
  return holds(block, size, size, seed);
}

inline bool all_zero(const void* block, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(block);
  return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

}  // namespace support
