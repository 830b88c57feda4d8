// The table of simulations (simulate.hpp): cost over the best fixed arm, in 120 columns.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "samples.hpp"
#include "simulate.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

constexpr double kGood = 1.05;  // what learning is meant to reach on every trace
constexpr double kBad = 2;

std::string header_of(const std::string& policy) {
  constexpr std::string_view kFixed = "fixed:";
  return policy.starts_with(kFixed) ? policy.substr(kFixed.size()) : policy;
}

std::string ratio_text(double ratio) {
  return ratio >= 1000  ? fmt::format("{:.0e}", ratio)
         : ratio >= 100 ? fmt::format("{:.0f}", ratio)
         : ratio >= 10  ? fmt::format("{:.1f}", ratio)
                        : fmt::format("{:.2f}", ratio);
}

Cell ratio_cell(double ratio) {
  const Style style = ratio <= kGood ? Style::kGood : ratio >= kBad ? Style::kBad : Style::kPlain;
  return {ratio_text(ratio), style};
}

using Ratios = std::vector<std::vector<double>>;  // by policy

void add_summary(Table& table, const std::string& name, const Ratios& ratios,
                 double (*summary)(std::span<const double>)) {
  std::vector<Cell> row = {{name, Style::kStrong}, {""}, {""}};
  for (const std::vector<double>& of_policy : ratios) {
    row.push_back(of_policy.empty() ? Cell{"-"} : ratio_cell(summary(of_policy)));
  }
  table.add_row(row);
}

double worst(std::span<const double> ratios) {
  return *std::max_element(ratios.begin(), ratios.end());
}

Table empty_table(const Simulation& like) {
  std::vector<Table::Column> columns = {
      {"trace", Align::kLeft}, {"price", Align::kRight}, {"best fixed", Align::kLeft}};
  for (const NamedOutcome& one : like.outcomes) {
    columns.push_back({header_of(one.policy), Align::kRight});
  }
  return Table(columns);
}

}  // namespace

std::string simulation_table(std::span<const Simulation> simulations, bool colours) {
  if (simulations.empty()) return "";
  Table table = empty_table(simulations[0]);
  Ratios ratios(simulations[0].outcomes.size());
  std::string before;
  for (const Simulation& simulation : simulations) {
    const bool repeated = simulation.trace == before;
    before = simulation.trace;
    std::vector<Cell> row = {
        {repeated ? "" : simulation.trace},
        {fmt::format("{}", simulation.price)},
        {simulation.best_bill_s > 0 ? simulation.best_arm : "-", Style::kFaint}};
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      if (simulation.best_bill_s <= 0) {
        row.push_back({"-"});
        continue;
      }
      ratios[i].push_back(simulation.ratio(simulation.outcomes[i]));
      row.push_back(ratio_cell(ratios[i].back()));
    }
    table.add_row(row);
  }
  table.add_gap();
  add_summary(table, "geometric mean", ratios, geometric_mean);
  add_summary(table, "worst", ratios, worst);
  return table.render(colours);
}

}  // namespace hakmem::cli
