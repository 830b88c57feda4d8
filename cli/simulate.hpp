// Simulation: policies on histories at prices, each against the best fixed arm in hindsight.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

#include "page_bound.hpp"
#include "policies.hpp"

namespace hakmem::cli {

// One trace at one price.
struct Simulation {
  std::string trace;
  double price;
  std::uint64_t large_events;
  double seconds;  // the trace's
  double live_gib_s;
  double live_peak_bytes;
  PageBound bound;
  std::string best_arm;
  double best_bill_s;
  std::vector<NamedOutcome> outcomes;  // in the order asked for

  // Bill over the best fixed arm's.
  double ratio(const NamedOutcome& one) const;
};

Simulation simulate(const std::string& trace, const LargeHistory& history, const Pricing& pricing,
                    const std::vector<std::string>& policies);

// One row per simulation, one column per policy, geometric means and worst at the end. All
// simulations have the same policies. A trace whose blocks never wait has no bill, and no ratio.
std::string simulation_table(std::span<const Simulation> simulations, bool colours);

// `timeline`: with the bill so far at kParts moments.
nlohmann::json simulations_json(std::span<const Simulation> simulations, const Pricing& pricing,
                                bool timeline = false);

// Cost constants from JSON, `text`: {"fault_s": 1.2e-6, ...}; what it does not name stays. Throws
// std::invalid_argument for a name that is none.
learn::CostModel parse_costs(const std::string& text);

}  // namespace hakmem::cli
