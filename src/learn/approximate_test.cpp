// Approximations against libm.
#include "learn/approximate.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace hakmem::learn {
namespace {

TEST(Approximate, StaysWithinItsErrors) {
  for (double x = 1e-9; x < 1e9; x *= 1.013) {
    ASSERT_NEAR(approximate_log2(x), std::log2(x), 0.01) << x;
    ASSERT_NEAR(approximate_root(x) / std::sqrt(x), 1.0, 0.02) << x;
  }
  for (double x = -60; x < 60; x += 0.0173) {
    ASSERT_NEAR(approximate_exp2(x) / std::exp2(x), 1.0, 0.01) << x;
  }
}

TEST(Approximate, TheLogarithmNeverFalls) {
  double before = approximate_log2(1e-6);
  for (double x = 1e-6; x < 1e6; x *= 1.0007) {
    const double now = approximate_log2(x);
    ASSERT_GE(now, before) << x;
    before = now;
  }
}

}  // namespace
}  // namespace hakmem::learn
