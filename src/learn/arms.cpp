// See arms.hpp.
#include "learn/arms.hpp"

#include <cstring>

namespace hakmem::learn {
namespace {

constexpr double smaller(double a, double b) { return a < b ? a : b; }

// How much worse than the clairvoyant an arm can come out that holds for hold_s.
double worst_ratio(double hold_s, double break_even_s) {
  if (hold_s <= 0) return BlockCosts::kForever;
  return (hold_s + break_even_s) / smaller(hold_s, break_even_s);
}

}  // namespace

void arm_bills(const BlockCosts& costs, double idle_s, bool reused, Bills& into, const Unwatched& unwatched) {
  for (std::size_t i = 0; i < kArms; ++i) {
    into[i] = static_cast<float>(arm_cost(costs, idle_s, reused, kArm[i], unwatched));
  }
}

double clairvoyant_cost(const BlockCosts& costs, double idle_s, bool reused) {
  const double held = costs.hold_rate * idle_s;
  if (!reused)
    return smaller(held, smaller(costs.dontneed_s, costs.free_s + costs.lazy_rate * idle_s));
  const double lazily = costs.free_s + costs.lazy_rate * idle_s + costs.touch_after_free_s;
  return smaller(held, smaller(costs.cycle_s(), lazily));
}

bool find_arm(const char* name, ArmId& into) {
  for (std::size_t i = 0; i < kArms; ++i) {
    if (std::strcmp(name, kArm[i].name) != 0) continue;
    into = static_cast<ArmId>(i);
    return true;
  }
  return false;
}

ArmId break_even_arm(const BlockCosts& costs) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < kArms; ++i) {
    if (kArm[i].lazy_at != kNever || kArm[i].gone_at == kNever) continue;
    const double break_even_s = costs.break_even_s();
    if (worst_ratio(kArm[i].gone_at, break_even_s) < worst_ratio(kArm[best].gone_at, break_even_s))
      best = i;
  }
  return static_cast<ArmId>(best);
}

}  // namespace hakmem::learn
