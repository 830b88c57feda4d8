// ELO: a tournament between arms.
//
// Every observation is one round of a round robin: each arm meets one other, the lower bill wins,
// and ratings move by what was at stake. After kArms rounds every arm has met every other, so none
// is starved of games. The arm with the highest rating is in force.
//
// A rating knows who wins, and only through the stake by how much; a rare but dear defeat moves it
// as little as a common one.
// Above: selector. Below: arms, approximate.
#pragma once

#include "learn/selector.hpp"

namespace hakmem::learn::elo {

// The arm that `arm` meets in this round; itself when it has the round off.
std::size_t opponent_of(std::size_t arm, std::uint32_t round);

void start(const BlockCosts& costs, SelectorState& state);
void start_from(const Bills& bills, SelectorState& state);
void learn(const Bills& bills, std::uint32_t seed, SelectorState& state);
ArmId choose(const SelectorState& state);

}  // namespace hakmem::learn::elo
