// See hindsight.hpp.
#include "learn/hindsight.hpp"

namespace hakmem::learn::hindsight {
namespace {

// All of these were chosen by `hakmem simulate` (docs/learning.md). All but the first are in
// releases and refaults.
constexpr float kForgetting = 0.06f;
constexpr float kGuessWorth = 0.01f;
constexpr float kMostBehind = 100.0f;
constexpr float kProfileMost = 10.0f;

// What speaks against each arm: bills so far, of blocks still idle, and the first guess.
void sum_up(double age_s, float pooled, const SelectorState& state, Bills& into) {
  const float share = share_used_again(state.turnover, pooled);
  const float hold_s = guess_hold_s(state.guess, share, age_s);
  for (std::size_t i = 0; i < kArms; ++i) {
    const float doubt = kGuessWorth * state.scale_s * regret_in_doubt(kArm[i], hold_s);
    into[i] = state.value[i] + state.other[i] + doubt;
  }
}

}  // namespace

void start(const BlockCosts& costs, std::size_t positions, SelectorState& state) {
  state.forgetting = kForgetting / static_cast<float>(positions);
  state.guess = guess_times(costs);
  state.turnover = {};
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = 0;
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
  state.rounds = 1;  // no guess any more
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

ArmId choose(double now_s, float pooled, const SelectorState& state) {
  Bills bills;
  sum_up(now_s, pooled, state, bills);
  std::size_t leader = 0;
  for (std::size_t i = 1; i < kArms; ++i) {
    if (bills[i] < bills[leader]) leader = i;
  }
  if (state.rounds <= 1) return static_cast<ArmId>(leader);
  const bool promises = bills[leader] < bills[index_of(state.arm)] * (1 - kMinGain);
  return promises ? static_cast<ArmId>(leader) : state.arm;
}

}  // namespace hakmem::learn::hindsight
