// Encoding: numbers of variable length, and a checksum, for the files that hakmem writes.
//
// Every step of the checksum is a bijection of what came before, so that a changed byte changes it.
// Above: trace, learn. Below: nothing. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hakmem {

inline constexpr std::size_t kMaxNumberBytes = 10;

// Seven bits a byte, lowest first; the high bit says that more follow.
inline std::byte* put_number(std::byte* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>(value | 0x80);
  *to++ = static_cast<std::byte>(value);
  return to;
}

// What is left to read.
struct Input {
  const std::byte* at;
  const std::byte* end;

  std::size_t left() const { return static_cast<std::size_t>(end - at); }
};

// False at the end of the input, or for more than 64 bits.
inline bool get_number(Input& input, std::uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && input.at != input.end; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(*input.at++);
    *value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Eight bytes a step. The factor is that of the 64-bit FNV hash; it is odd, hence the bijection.
inline std::uint64_t checksum_more(std::uint64_t sum, const void* bytes, std::size_t length) {
  const auto* at = static_cast<const std::byte*>(bytes);
  for (; length > 0;) {
    const std::size_t step = length < 8 ? length : 8;
    std::uint64_t word = 0;
    std::memcpy(&word, at, step);
    sum = (sum ^ word) * 0x100000001b3u;
    sum ^= sum >> 32;
    at += step;
    length -= step;
  }
  return sum;
}

inline constexpr std::uint64_t kChecksumStart = 0xcbf29ce484222325u;

}  // namespace hakmem
