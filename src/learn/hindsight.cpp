// See hindsight.hpp.
#include "learn/hindsight.hpp"

namespace hakmem::learn::hindsight {
namespace {

// All of these were chosen by `hakmem simulate` (docs/learning.md). All but the first are in
// releases and refaults.
constexpr float kForgetting = 0.06f;
constexpr float kPriorWorth = 0.1f;
constexpr float kPriorMost = 10.0f;
constexpr float kMostBehind = 100.0f;
constexpr float kProfileMost = 10.0f;

// How much worse than the clairvoyant the arm comes out in its worst case, beyond the factor of two
// that none avoids.
float regret_in_doubt(const Arm& arm, float break_even_s) {
  const float hold_s = arm.gone_at;
  if (arm.lazy_at != kNever || hold_s == kNever || hold_s <= 0) return kPriorMost;
  const float least = hold_s < break_even_s ? hold_s : break_even_s;
  const float regret = (hold_s + break_even_s) / least - 2;
  return regret < kPriorMost ? regret : kPriorMost;
}

}  // namespace

void start(const BlockCosts& costs, std::size_t positions, SelectorState& state) {
  state.forgetting = kForgetting / static_cast<float>(positions);
  const auto break_even_s = static_cast<float>(costs.break_even_s());
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = kPriorWorth * state.scale_s * regret_in_doubt(kArm[i], break_even_s);
    state.other[i] = 0;
  }
}

void start_from(const Bills& bills, SelectorState& state) {
  float least = bills[0];
  for (const float bill : bills) least = bill < least ? bill : least;
  const float most = kProfileMost * state.scale_s;
  const float share = least > most ? most / least : 1;
  const float highest = share * least + kMostBehind * state.scale_s;
  for (std::size_t i = 0; i < kArms; ++i) {
    const float bill = share * bills[i] < highest ? share * bills[i] : highest;
    state.value[i] += bill;
  }
}

void learn(const Bills& bills, SelectorState& state) {
  const float paid = bills[index_of(state.arm)] / state.scale_s;
  const float kept = 1 - state.forgetting * (paid < 1 ? paid : 1);
  float least = kNever;
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = state.value[i] * kept + bills[i];
    if (state.value[i] < least) least = state.value[i];
  }
  const float most = least + kMostBehind * state.scale_s;
  for (float& value : state.value) value = value < most ? value : most;
}

void learn_open(const Bills& bills, float weight, SelectorState& state) {
  for (std::size_t i = 0; i < kArms; ++i) state.other[i] += weight * bills[i];
}

void forget_open(SelectorState& state) {
  for (float& open : state.other) open = 0;
}

ArmId choose(const SelectorState& state) {
  std::size_t leader = 0;
  for (std::size_t i = 1; i < kArms; ++i) {
    if (state.value[i] + state.other[i] < state.value[leader] + state.other[leader]) leader = i;
  }
  const std::size_t now = index_of(state.arm);
  const float in_force = state.value[now] + state.other[now];
  const bool promises = state.value[leader] + state.other[leader] < in_force * (1 - kMinGain);
  return promises ? static_cast<ArmId>(leader) : state.arm;
}

}  // namespace hakmem::learn::hindsight
