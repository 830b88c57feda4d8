// Hindsight: follow the leader with forgetting, under full information.
//
//   value[a] <- value[a] x forgetting + what arm a would have paid        for every block reused
//   leader    = the arm with the least value + bills of blocks that are still idle
//
// It starts from a prior that prefers arms near the break-even time, which nobody regrets by more
// than a factor of two, and is worth a fraction of one release and refault: a few observations
// outweigh it.
// Above: selector. Below: arms.
#pragma once

#include "learn/selector.hpp"

namespace hakmem::learn::hindsight {

void start(const BlockCosts& costs, SelectorState& state);
void learn(const Bills& bills, SelectorState& state);
void learn_open(const Bills& bills, float weight, SelectorState& state);
void forget_open(SelectorState& state);

// The leader if it promises more than kMinGain against the arm in force, otherwise that.
ArmId choose(const SelectorState& state);

}  // namespace hakmem::learn::hindsight
