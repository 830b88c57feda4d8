// See elo.hpp.
#include "learn/elo.hpp"

#include "learn/approximate.hpp"

namespace hakmem::learn::elo {
namespace {

constexpr float kFirstRating = 1500;
constexpr float kPriorBonus = 40;  // of the break-even arm
constexpr float kStep = 32;        // most that one game moves a rating
constexpr double kSpread = 400;    // rating difference at which the odds are ten to one
constexpr double kLog2Of10 = 3.321928;

double expected(float rating, float other) {
  const double gap = static_cast<double>(other - rating) / kSpread;
  const double bounded = gap > 10 ? 10 : gap < -10 ? -10 : gap;
  return 1 / (1 + approximate_exp2(bounded * kLog2Of10));
}

void play(const Bills& bills, std::size_t a, std::size_t b, SelectorState& state) {
  const float gap = bills[b] - bills[a];
  const double result = gap > 0 ? 1 : gap < 0 ? 0 : 0.5;
  const float stake = (gap < 0 ? -gap : gap) / state.scale_s;
  const double step = kStep * (stake < 1 ? stake : 1);
  const auto change =
      static_cast<float>(step * (result - expected(state.value[a], state.value[b])));
  state.value[a] += change;
  state.value[b] -= change;
}

}  // namespace

std::size_t opponent_of(std::size_t arm, std::uint32_t round) {
  // In round r, arms whose numbers add up to r modulo the (odd) number of seats meet.
  constexpr std::size_t kSeats = kArms % 2 == 1 ? kArms : kArms + 1;
  const std::size_t other = (round % kSeats + kSeats - arm) % kSeats;
  return other < kArms ? other : arm;
}

void start(const BlockCosts& costs, SelectorState& state) {
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = kFirstRating;
    state.other[i] = 0;
  }
  state.value[index_of(break_even_arm(costs))] += kPriorBonus;
}

void start_from(const Bills& bills, SelectorState& state) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < kArms; ++i) {
    state.value[i] = kFirstRating;
    if (bills[i] < bills[best]) best = i;
  }
  state.value[best] += kPriorBonus;
}

void learn(const Bills& bills, std::uint32_t seed, SelectorState& state) {
  for (std::size_t a = 0; a < kArms; ++a) {
    const std::size_t b = opponent_of(a, state.rounds + seed);
    if (a < b) play(bills, a, b, state);
  }
}

ArmId choose(const SelectorState& state) {
  std::size_t best = index_of(state.arm);
  for (std::size_t i = 0; i < kArms; ++i) {
    if (state.value[i] > state.value[best]) best = i;
  }
  return static_cast<ArmId>(best);
}

}  // namespace hakmem::learn::elo
