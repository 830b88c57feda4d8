// Approximate: logarithm, power and root, because the library does without libm.
//
// Errors are below 1 part in 100, which is far below what any of these numbers is known to.
// Above: contexts, selectors, sites. Below: nothing. Pure functions.
#pragma once

#include <bit>
#include <cstdint>

namespace hakmem::learn {

// log2 of a positive, normal number: the exponent, and a parabola through the mantissa whose value
// and slope agree where doublings meet. Absolute error below 0.01.
constexpr double approximate_log2(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  const double mantissa = std::bit_cast<double>((bits & ((1ull << 52) - 1)) | (1023ull << 52));
  const double m = mantissa - 1;
  return static_cast<double>(exponent) + m * (1.3465553 - 0.3465553 * m);
}

// 2^value for |value| < 1000; relative error below 0.01.
constexpr double approximate_exp2(double value) {
  const auto whole = static_cast<std::int64_t>(value) - (value < 0 ? 1 : 0);
  const double rest = value - static_cast<double>(whole);
  const double power = std::bit_cast<double>(static_cast<std::uint64_t>(whole + 1023) << 52);
  return power * (1 + rest * (0.6565 + rest * 0.3435));
}

constexpr double approximate_root(double value) {
  return value > 0 ? approximate_exp2(approximate_log2(value) / 2) : 0;
}

}  // namespace hakmem::learn
