// UCB1, discounted: tries arms, sees the bill of the arm in force alone, and forgets.
//
//   value[a]  mean cost of arm a, 0 to 1 (1: kWorst releases and refaults)
//   other[a]  how often it was in force, discounted by kDiscount for every observation
//   choice    least value[a] - kBreadth x root(log(sum of other) / other[a])
//
// Discounting lets arms that have not been tried for long become uncertain again, so that a change
// of the best arm is found; the price is that it never stops trying, so its regret grows with time.
// Above: selector. Below: arms, approximate.
#pragma once

#include "learn/selector.hpp"

namespace hakmem::learn::ucb1 {

void start(SelectorState& state);
void start_from(const Bills& bills, double blocks, SelectorState& state);
void learn(const Bills& bills, SelectorState& state);
ArmId choose(const SelectorState& state, std::uint32_t seed);

}  // namespace hakmem::learn::ucb1
