// Policies: who decides, and how, when an idle block's pages go back.
//
//   fixed:ARM      one arm for all blocks (the arms of src/learn/arms.hpp)
//   best           the fixed arm that is cheapest for this history and price
//   hindsight, ucb1, elo, low-water, peak, glibc   what HAKMEM_SELECTOR takes, the library's own
//   code warm           hindsight in a second run, which starts from what the first one saved
//   clairvoyant    knows each idle time: the bound
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bill.hpp"
#include "learn/selector.hpp"

namespace hakmem::cli {

struct NamedOutcome {
  std::string policy;
  Outcome outcome;
};

// All that --policy takes, for messages.
std::string policy_names();

// What the table shows unless asked otherwise.
std::vector<std::string> default_policies();

bool is_policy(const std::string& name);

// Throws std::invalid_argument for what is no policy.
Outcome run_policy(const std::string& name, const LargeHistory& history, const Pricing& pricing);

// The bills of all fixed arms, by arm.
std::vector<double> fixed_arm_bills(const LargeHistory& history, const Pricing& pricing);
learn::ArmId best_fixed_arm(const std::vector<double>& bills);

// The parts, in files of their own.
Outcome run_fixed_arm(const LargeHistory& history, const Pricing& pricing, const learn::Arm& arm);
Outcome run_clairvoyant(const LargeHistory& history, const Pricing& pricing);
Outcome run_selector(const LargeHistory& history, const Pricing& pricing, const char* selector);
Outcome run_learner(const LargeHistory& history, const Pricing& pricing,
                    const learn::SelectorChoice& choice);
Outcome run_warm_learner(const LargeHistory& history, const Pricing& pricing);

}  // namespace hakmem::cli
