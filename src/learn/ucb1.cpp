// See ucb1.hpp.
#include "learn/ucb1.hpp"

#include "learn/approximate.hpp"

namespace hakmem::learn::ucb1 {
namespace {

constexpr float kDiscount = 0.99f;
constexpr float kWorst = 4;       // bills above this many releases and refaults count as this many
constexpr double kBreadth = 0.01;  // small, because most bills are far below the worst

float total(const SelectorState& state) {
  float sum = 0;
  for (const float times : state.other) sum += times;
  return sum;
}

double hoped_cost(const SelectorState& state, std::size_t arm, double log_total) {
  return state.value[arm] - kBreadth * approximate_root(log_total / state.other[arm]);
}

}  // namespace

void start(SelectorState& state) {
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = 0;
    state.other[i] = 0;
  }
}

void start_from(const Bills& bills, double blocks, SelectorState& state) {
  for (std::size_t i = 0; i < kArms; ++i) {
    const auto mean = static_cast<float>(bills[i] / blocks);
    const float share = mean / (kWorst * state.scale_s);
    state.value[i] = share < 1 ? share : 1;
    state.other[i] = 1;
  }
}

void learn(const Bills& bills, SelectorState& state) {
  const std::size_t arm = index_of(state.arm);
  const float share = bills[arm] / (kWorst * state.scale_s);
  for (float& times : state.other) times *= kDiscount;
  state.other[arm] += 1;
  state.value[arm] += ((share < 1 ? share : 1) - state.value[arm]) / state.other[arm];
}

ArmId choose(const SelectorState& state, std::uint32_t seed) {
  if (state.rounds == 0) return state.arm;
  constexpr float kForgotten = 0.05f;
  const double log_total = approximate_log2(total(state) + 1.0) + 1;
  std::size_t best = index_of(state.arm);
  for (std::size_t step = 0; step < kArms; ++step) {
    const std::size_t arm = (step + seed) % kArms;
    if (state.other[arm] < kForgotten) return static_cast<ArmId>(arm);
    if (hoped_cost(state, arm, log_total) < hoped_cost(state, best, log_total)) best = arm;
  }
  return static_cast<ArmId>(best);
}

}  // namespace hakmem::learn::ucb1
