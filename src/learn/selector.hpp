// Selector: chooses an arm for one context from the bills of what happened.
//
//   observed bills --learn--> SelectorState --decide--> the arm in force
//
//   hindsight   the arm that would have been cheapest, by what all arms would have paid
//   (hindsight.hpp) ucb1        tries arms and sees the bill of the one in force alone (ucb1.hpp)
//   elo         a tournament: arms meet in pairs, the lower bill wins (elo.hpp)
//   fixed:ARM   that arm for ever
//   low-water, peak, glibc   "keep" for ever: a rule of another kind decides (stack_rule.hpp)
//
// All are deterministic: the same seed, observations and times give the same arms.
// Invariants:
//   (1) an arm stays in force for at least kMinStay_s, unless it is hindsight's guess, from before
//   the
//       second reuse;
//   (2) a change of hindsight's arm that was no guess promises more than kMinGain of the bill.
// Above: learner. Below: first guess, arms. No locks: the caller has one.
#pragma once

#include "learn/first_guess.hpp"

namespace hakmem::learn {

inline constexpr double kMinStay_s = 1.0;
inline constexpr float kMinGain = 0.05f;

enum class SelectorKind : std::uint8_t {
  kHindsight,
  kUcb1,
  kElo,
  kLowWater,
  kPeak,
  kGlibc,
  kFixed
};

// By kind; the last is followed by an arm's name.
inline constexpr const char* kSelectorNames[] = {"hindsight", "ucb1",  "elo",   "low-water",
                                                 "peak",      "glibc", "fixed:"};
// For messages.
inline constexpr char kSelectorsAllowed[] =
    "hindsight, ucb1, elo, low-water, peak, glibc, fixed:ARM";

struct SelectorChoice {
  SelectorKind kind = SelectorKind::kHindsight;
  ArmId fixed = kKeep;  // for kFixed and the rules
  std::uint32_t seed = 1;
};

constexpr bool is_stack_rule(const SelectorChoice& choice) {
  return choice.kind == SelectorKind::kLowWater || choice.kind == SelectorKind::kPeak ||
         choice.kind == SelectorKind::kGlibc;
}

// Nothing is learned: one arm for all, or a stack rule.
constexpr bool is_settled(const SelectorChoice& choice) {
  return choice.kind == SelectorKind::kFixed || is_stack_rule(choice);
}

// One of kSelectorNames, "fixed:" with an arm. False when it is none; `into` is then unchanged.
bool parse_selector(const char* text, SelectorChoice& into);

// What a selector knows of one context: 240 bytes.
struct SelectorState {
  float value[kArms];  // hindsight: bills so far; ucb1: mean cost; elo: rating
  float other[kArms];  // hindsight: bills of blocks still idle; ucb1: discounted times tried
  std::uint32_t rounds;
  float scale_s;     // what giving a block back and taking it again costs
  float forgetting;  // hindsight: share of the past that one release and refault is worth
  GuessTimes guess;
  Turnover turnover;
  ArmId arm;
  double changed_s;
};

static_assert(sizeof(SelectorState) <= 240);

// Hindsight's arm rests on no more than one reuse.
constexpr bool is_guess(const SelectorChoice& choice, const SelectorState& state) {
  return choice.kind == SelectorKind::kHindsight && state.rounds <= 1;
}

// The state of a context whose blocks have these costs, before any observation. `positions`: how
// many blocks of a class may be idle in this context at once.
void start(const SelectorChoice& choice, const BlockCosts& costs, std::size_t positions,
           SelectorState& state);

// What was learned before: `bills` of so many blocks, by arm. Right after start().
void start_from(const SelectorChoice& choice, const Bills& bills, double blocks,
                SelectorState& state);

// A block was reused; `bills` is what each arm would have paid.
void learn(const SelectorChoice& choice, const Bills& bills, SelectorState& state);

// A block is still idle; counts for the next decision alone, and is to be told again for the one
// after. `weight`: how many blocks it stands for.
void learn_open(const SelectorChoice& choice, const Bills& bills, float weight,
                SelectorState& state);

// The arm from now on; true when it is another one. `now_s`: the process's age; `pooled`: the share
// of the first blocks of all contexts that are used again.
bool decide(const SelectorChoice& choice, double now_s, float pooled, SelectorState& state);

}  // namespace hakmem::learn
