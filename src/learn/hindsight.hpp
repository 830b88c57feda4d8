// Hindsight: follow the leader with forgetting, under full information.
//
//   value[a] <- value[a] x (1 - f x paid) + what arm a would have paid     for every block reused
//   leader    = the arm with the least value + bills of blocks that are still idle
//
// - `paid` is the bill of the arm in force, in releases and refaults, at most 1. So a million cheap
//   reuses do not wash out one dear pause, and memory is as long as evidence is scarce.
// - f is divided by the number of stack positions that share the context: blocks of one burst wait
//   for the same pause, and are one piece of evidence together.
// - No arm falls more than kMostBehind releases and refaults behind the leader, so that a change is
//   found after as many that speak for another arm.
// - Until there is evidence, and where arms would have cost the same, the first guess decides
//   (first_guess.hpp). It is worth a hundredth of a release and refault, so any evidence outweighs
//   it.
// - What was learned before counts as it would if it had just happened, up to kProfileMost releases
//   and refaults, so that a program that has changed is followed soon.
//
// Above: selector. Below: arms.
#pragma once

#include "learn/selector.hpp"

namespace hakmem::learn::hindsight {

void start(const BlockCosts& costs, std::size_t positions, SelectorState& state);
void start_from(const Bills& bills, SelectorState& state);
void learn(const Bills& bills, SelectorState& state);
void learn_open(const Bills& bills, float weight, SelectorState& state);
void forget_open(SelectorState& state);

// The leader if it promises more than kMinGain against the arm in force or that is a guess,
// otherwise the one in force. `pooled`: see first_guess.hpp.
ArmId choose(double now_s, float pooled, const SelectorState& state);

}  // namespace hakmem::learn::hindsight
