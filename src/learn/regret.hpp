// Regret: what the arms in force have paid, against the best fixed arm in hindsight.
//
//   regret = sum over blocks of bill(arm in force) - min over arms a of sum of bill(a)
//
// Negative where contexts with arms of their own beat every single arm.
// Above: learner, telemetry. Below: arms. No locks.
#pragma once

#include "learn/arms.hpp"

namespace hakmem::learn {

class RegretAccount {
 public:
  void add(const Bills& bills, ArmId in_force) {
    paid_s_ += static_cast<double>(bills[index_of(in_force)]);
    for (std::size_t i = 0; i < kArms; ++i) would_have_s_[i] += static_cast<double>(bills[i]);
  }

  ArmId best_fixed() const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < kArms; ++i) {
      if (would_have_s_[i] < would_have_s_[best]) best = i;
    }
    return static_cast<ArmId>(best);
  }

  double paid_s() const { return paid_s_; }
  double would_have_s(ArmId arm) const { return would_have_s_[index_of(arm)]; }
  double regret_s() const { return paid_s_ - would_have_s(best_fixed()); }

 private:
  double paid_s_ = 0;
  double would_have_s_[kArms] = {};
};

}  // namespace hakmem::learn
