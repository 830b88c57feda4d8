// See selector.hpp.
#include "learn/selector.hpp"

#include <cstring>
#include <iterator>

#include "learn/elo.hpp"
#include "learn/hindsight.hpp"
#include "learn/ucb1.hpp"

namespace hakmem::learn {
namespace {

ArmId choose(const SelectorChoice& choice, double now_s, float pooled, const SelectorState& state) {
  switch (choice.kind) {
    case SelectorKind::kHindsight:
      return hindsight::choose(now_s, pooled, state);
    case SelectorKind::kUcb1:
      return ucb1::choose(state, choice.seed);
    case SelectorKind::kElo:
      return elo::choose(state);
    case SelectorKind::kLowWater:
    case SelectorKind::kPeak:
    case SelectorKind::kGlibc:
    case SelectorKind::kFixed:
      break;
  }
  return choice.fixed;
}

}  // namespace

bool parse_selector(const char* text, SelectorChoice& into) {
  const std::size_t prefix =
      std::strlen(kSelectorNames[static_cast<std::size_t>(SelectorKind::kFixed)]);
  for (std::size_t i = 0; i < std::size(kSelectorNames); ++i) {
    const auto kind = static_cast<SelectorKind>(i);
    if (kind == SelectorKind::kFixed) {
      if (std::strncmp(text, kSelectorNames[i], prefix) != 0 ||
          !find_arm(text + prefix, into.fixed))
        return false;
    } else if (std::strcmp(text, kSelectorNames[i]) != 0) {
      continue;
    }
    into.kind = kind;
    return true;
  }
  return false;
}

void start(const SelectorChoice& choice, const BlockCosts& costs, std::size_t positions,
           SelectorState& state) {
  state.rounds = 0;
  state.turnover = {};
  state.scale_s = static_cast<float>(costs.cycle_s());
  state.changed_s = -kMinStay_s;
  state.arm = is_settled(choice) ? choice.fixed : break_even_arm(costs);
  if (choice.kind == SelectorKind::kUcb1) {
    ucb1::start(state);
  } else if (choice.kind == SelectorKind::kElo) {
    elo::start(costs, state);
  } else {
    hindsight::start(costs, positions, state);
  }
}

void start_from(const SelectorChoice& choice, const Bills& bills, double blocks,
                SelectorState& state) {
  if (is_settled(choice)) return;
  if (choice.kind == SelectorKind::kHindsight) {
    hindsight::start_from(bills, state);
  } else if (choice.kind == SelectorKind::kUcb1) {
    ucb1::start_from(bills, blocks, state);
  } else {
    elo::start_from(bills, state);
  }
  std::size_t best = index_of(state.arm);
  for (std::size_t i = 0; i < kArms; ++i) {
    if (bills[i] < bills[best]) best = i;
  }
  state.arm = static_cast<ArmId>(best);
}

void learn(const SelectorChoice& choice, const Bills& bills, SelectorState& state) {
  if (choice.kind == SelectorKind::kHindsight) {
    hindsight::learn(bills, state);
  } else if (choice.kind == SelectorKind::kUcb1) {
    ucb1::learn(bills, state);
  } else if (choice.kind == SelectorKind::kElo) {
    elo::learn(bills, choice.seed, state);
  }
  ++state.rounds;
}

void learn_open(const SelectorChoice& choice, const Bills& bills, float weight,
                SelectorState& state) {
  if (choice.kind == SelectorKind::kHindsight) hindsight::learn_open(bills, weight, state);
}

bool decide(const SelectorChoice& choice, double now_s, float pooled, SelectorState& state) {
  const bool may_change = is_guess(choice, state) || now_s - state.changed_s >= kMinStay_s;
  const ArmId chosen = may_change ? choose(choice, now_s, pooled, state) : state.arm;
  if (choice.kind == SelectorKind::kHindsight) hindsight::forget_open(state);
  if (chosen == state.arm) return false;
  state.arm = chosen;
  state.changed_s = now_s;
  return true;
}

}  // namespace hakmem::learn
