// See simulate.hpp.
#include "simulate.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

namespace hakmem::cli {
namespace {

struct Constant {
  const char* name;
  double learn::CostModel::*value;
};

constexpr Constant kConstants[] = {
    {"madvise_call_s", &learn::CostModel::madvise_call_s},
    {"remap_call_s", &learn::CostModel::remap_call_s},
    {"fault_s", &learn::CostModel::fault_s},
    {"populate_s", &learn::CostModel::populate_s},
    {"dontneed_s", &learn::CostModel::dontneed_s},
    {"free_s", &learn::CostModel::free_s},
    {"touch_after_free_s", &learn::CostModel::touch_after_free_s},
    {"unmap_s", &learn::CostModel::unmap_s},
    {"huge_fault_s", &learn::CostModel::huge_fault_s},
    {"huge_dontneed_s", &learn::CostModel::huge_dontneed_s},
    {"huge_free_s", &learn::CostModel::huge_free_s},
    {"huge_touch_after_free_s", &learn::CostModel::huge_touch_after_free_s},
    {"lazy_share", &learn::CostModel::lazy_share},
};
constexpr const char* kHugeFromName = "huge_from";

void set_constant(learn::CostModel& model, const std::string& name, const nlohmann::json& value) {
  if (!value.is_number() || value.get<double>() < 0) {
    throw std::invalid_argument("cost " + name + " must be a number of at least 0");
  }
  if (name == kHugeFromName) {
    model.huge_from = value.get<std::size_t>();
    return;
  }
  std::string names = kHugeFromName;
  for (const Constant& constant : kConstants) {
    if (name == constant.name) {
      model.*constant.value = value.get<double>();
      return;
    }
    names += std::string(" ") + constant.name;
  }
  throw std::invalid_argument("cost " + name + " is unknown; allowed: " + names);
}

nlohmann::json costs_json(const learn::CostModel& model) {
  nlohmann::json json;
  for (const Constant& constant : kConstants) json[constant.name] = model.*constant.value;
  json[kHugeFromName] = model.huge_from;
  return json;
}

nlohmann::json outcome_json(const Simulation& simulation, const NamedOutcome& one) {
  const Outcome& outcome = one.outcome;
  return {{"policy", one.policy},
          {"bill_s", outcome.bill_s()},
          {"over_best_fixed", simulation.ratio(one)},
          {"regret_s", outcome.bill_s() - simulation.best_bill_s},
          {"cpu_s", outcome.cpu_s},
          {"idle_gib_s", outcome.idle_gib_s},
          {"releases", outcome.releases},
          {"refaults", outcome.refaults},
          {"average_held_bytes", outcome.average_held_bytes},
          {"peak_held_bytes", outcome.peak_held_bytes}};
}

nlohmann::json bound_json(const PageBound& bound) {
  return {{"faults", bound.faults}, {"live_gib_s", bound.live_gib_s}, {"idle_gib_s", bound.idle_gib_s}};
}

std::vector<double> bill_so_far(const Outcome& outcome) {
  std::vector<double> sums(kParts);
  std::partial_sum(outcome.bill_s_by_part.begin(), outcome.bill_s_by_part.end(), sums.begin());
  return sums;
}

}  // namespace

double Simulation::ratio(const NamedOutcome& one) const {
  return best_bill_s > 0 ? one.outcome.bill_s() / best_bill_s : 1;
}

Simulation simulate(const std::string& trace, const LargeHistory& history, const Pricing& pricing,
                    const std::vector<std::string>& policies) {
  const std::vector<double> fixed = fixed_arm_bills(history, pricing);
  const learn::ArmId best = best_fixed_arm(fixed);
  Simulation simulation{.trace = trace,
                        .price = pricing.price,
                        .large_events = history.large_events,
                        .seconds = static_cast<double>(history.end_ns) * 1e-9,
                        .live_gib_s = history.live_gib_s,
                        .live_peak_bytes = history.live_peak_bytes,
                        .bound = page_bound(history, pricing),
                        .best_arm = learn::arm_of(best).name,
                        .best_bill_s = fixed[learn::index_of(best)],
                        .outcomes = {}};
  for (const std::string& policy : policies) {
    simulation.outcomes.push_back({policy, run_policy(policy, history, pricing)});
  }
  return simulation;
}

nlohmann::json simulations_json(std::span<const Simulation> simulations, const Pricing& pricing,
                                bool timeline) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Simulation& simulation : simulations) {
    nlohmann::json outcomes = nlohmann::json::array();
    for (const NamedOutcome& one : simulation.outcomes) {
      outcomes.push_back(outcome_json(simulation, one));
      if (timeline) outcomes.back()["bill_s_so_far"] = bill_so_far(one.outcome);
    }
    rows.push_back({{"trace", simulation.trace},
                    {"price", simulation.price},
                    {"large_events", simulation.large_events},
                    {"seconds", simulation.seconds},
                    {"live_gib_s", simulation.live_gib_s},
                    {"live_peak_bytes", simulation.live_peak_bytes},
                    {"bound", bound_json(simulation.bound)},
                    {"best_fixed_arm", simulation.best_arm},
                    {"best_fixed_bill_s", simulation.best_bill_s},
                    {"outcomes", outcomes}});
  }
  return {{"seed", pricing.seed}, {"costs", costs_json(pricing.costs)}, {"simulations", rows}};
}

learn::CostModel parse_costs(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw std::invalid_argument("the costs are no JSON object");
  learn::CostModel model;
  for (const auto& [name, value] : json.items()) set_constant(model, name, value);
  return model;
}

}  // namespace hakmem::cli
