// See report.hpp.
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

constexpr double kKibPerMib = 1024;

std::string ratio_text(double value, double to) {
  return to > 0 ? fmt::format("{:.2f}", value / to) : "";
}

Cell verdict_cell(const Comparison& comparison, const Series& ours, const Series& theirs) {
  switch (judge(comparison.value(ours), comparison.value(theirs), comparison.better)) {
    case Verdict::kOurs:
      return {ours.allocator, Style::kGood};
    case Verdict::kTheirs:
      return {theirs.allocator, Style::kBad};
    case Verdict::kTie:
      break;
  }
  return {ours.samples.size() > 1 ? "tie" : "", Style::kFaint};
}

// The row of one allocator; `program` is empty in all rows but a program's first.
std::vector<Cell> row_of(const Comparison& comparison, const Series& series, const Series* ours,
                         const std::string& program) {
  const Style style = &series == ours ? Style::kStrong : Style::kPlain;
  if (!series.complete()) {
    return {{program, Style::kStrong}, {series.allocator, style}, {series.failure, Style::kBad}};
  }
  const Spread value = comparison.value(series);
  const bool compared = ours != nullptr && ours->complete();
  std::vector<Cell> row{
      {program, Style::kStrong},
      {series.allocator, style},
      {three_digits(value.median) + (comparison.by_metric ? "" : " s"), style},
      {three_digits(value.lowest) + ".." + three_digits(value.highest), Style::kFaint},
      {three_digits(series.cpu().median) + " s"},
      {three_digits(series.peak_rss_kib().median / kKibPerMib) + " MiB"},
      {compared ? ratio_text(value.median, comparison.value(*ours).median) : ""},
      {compared ? ratio_text(series.peak_rss_kib().median, ours->peak_rss_kib().median) : ""},
  };
  if (compared && &series != ours) row.push_back(verdict_cell(comparison, *ours, series));
  return row;
}

std::string notes_of(const Comparison& comparison, bool colours) {
  std::string notes;
  if (!comparison.skipped.empty()) {
    notes += fmt::format("{}: left out, {}\n", comparison.program, comparison.skipped);
  }
  for (const Series& series : comparison.series) {
    if (!series.output_differs) continue;
    notes += fmt::format("{}: prints something else under {} than under {}\n", comparison.program,
                         series.allocator, kLibcName);
  }
  return styled(notes, Style::kBad, colours);
}

// What one allocator did over all programs, relative to the baseline.
struct Tally {
  std::vector<double> time_ratios;  // above 1: the baseline is faster
  std::vector<double> rss_ratios;   // above 1: the baseline is smaller
  int ours = 0;
  int ties = 0;
  int theirs = 0;
  int failed = 0;
};

void add_verdict(const Comparison& comparison, const Series& ours, const Series& theirs, Tally& tally) {
  if (!theirs.complete()) {
    ++tally.failed;
    return;
  }
  tally.time_ratios.push_back(comparison.value(theirs).median / comparison.value(ours).median);
  tally.rss_ratios.push_back(theirs.peak_rss_kib().median / ours.peak_rss_kib().median);
  switch (judge(comparison.value(ours), comparison.value(theirs), comparison.better)) {
    case Verdict::kOurs:
      ++tally.ours;
      break;
    case Verdict::kTheirs:
      ++tally.theirs;
      break;
    case Verdict::kTie:
      ++tally.ties;
      break;
  }
}

Tally tally_of(std::span<const Comparison> comparisons, const std::string& baseline,
               const std::string& allocator) {
  Tally tally;
  for (const Comparison& comparison : comparisons) {
    const Series* ours = comparison.find(baseline);
    const Series* theirs = comparison.find(allocator);
    if (ours == nullptr || theirs == nullptr || !ours->complete()) continue;
    add_verdict(comparison, *ours, *theirs, tally);
  }
  return tally;
}

nlohmann::json sample_json(const Sample& sample, bool by_metric) {
  nlohmann::json result{
      {"round", sample.round},
      {"wall_seconds", sample.run.wall_seconds},
      {"user_seconds", sample.run.user_seconds},
      {"system_seconds", sample.run.system_seconds},
      {"peak_rss_kib", sample.run.peak_rss_kib},
  };
  if (by_metric) result["metric"] = sample.metric;
  return result;
}

nlohmann::json comparison_json(const Comparison& comparison) {
  nlohmann::json result{{"program", comparison.program},
                        {"skipped", comparison.skipped},
                        {"series", nlohmann::json::array()}};
  for (const Series& series : comparison.series) {
    nlohmann::json one{{"allocator", series.allocator},
                       {"failure", series.failure},
                       {"output_differs", series.output_differs},
                       {"samples", nlohmann::json::array()}};
    for (const Sample& sample : series.samples) {
      one["samples"].push_back(sample_json(sample, comparison.by_metric));
    }
    result["series"].push_back(std::move(one));
  }
  return result;
}

}  // namespace

std::string results_table(std::span<const Comparison> comparisons, const std::string& baseline,
                          bool colours) {
  const bool by_metric = !comparisons.empty() && comparisons.front().by_metric;
  Table table({{"program", Align::kLeft},
               {"allocator", Align::kLeft},
               {by_metric ? "metric" : "time", Align::kRight},
               {"lowest..highest", Align::kRight},
               {"CPU", Align::kRight},
               {"peak RSS", Align::kRight},
               {by_metric ? "xmetric" : "xtime", Align::kRight},
               {"xRSS", Align::kRight},
               {"winner", Align::kLeft}});
  std::string notes;
  for (const Comparison& comparison : comparisons) {
    notes += notes_of(comparison, colours);
    if (comparison.series.empty()) continue;
    const Series* ours = comparison.find(baseline);
    std::string program = comparison.program;
    for (const Series& series : comparison.series) {
      table.add_row(row_of(comparison, series, ours, program));
      program.clear();
    }
    if (&comparison != &comparisons.back()) table.add_gap();
  }
  return table.render(colours) + notes;
}

std::string summary_table(std::span<const Comparison> comparisons, const std::string& baseline,
                          bool colours) {
  if (comparisons.size() < 2) return "";
  Table table({{"against", Align::kLeft},
               {"xtime", Align::kRight},
               {"xRSS", Align::kRight},
               {baseline + " wins", Align::kRight},
               {"ties", Align::kRight},
               {"loses", Align::kRight},
               {"failed", Align::kRight}});
  const auto measured = std::find_if(comparisons.begin(), comparisons.end(),
                                     [](const Comparison& one) { return !one.series.empty(); });
  if (measured == comparisons.end()) return "";
  for (const Series& series : measured->series) {
    if (series.allocator == baseline) continue;
    const Tally tally = tally_of(comparisons, baseline, series.allocator);
    table.add_row({{series.allocator},
                   {fmt::format("{:.2f}", geometric_mean(tally.time_ratios))},
                   {fmt::format("{:.2f}", geometric_mean(tally.rss_ratios))},
                   {std::to_string(tally.ours), Style::kGood},
                   {std::to_string(tally.ties)},
                   {std::to_string(tally.theirs), tally.theirs > 0 ? Style::kBad : Style::kPlain},
                   {std::to_string(tally.failed)}});
  }
  return table.render(colours);
}

std::string legend(const std::string& baseline, const Settings& settings) {
  const bool by_metric = settings.metric.has_value();
  const bool less = !by_metric || settings.metric_better == Better::kLower;
  return fmt::format(
      "{}; x{}, xRSS: relative to {} ({}).\n"
      "{}\n"
      "CPU: user and system. peak RSS: that of the largest process.\n",
      settings.rounds > 1 ? fmt::format("Medians of {} interleaved rounds", settings.rounds)
                          : "One round",
      by_metric ? "metric" : "time", baseline, less ? "less is better" : "more is better",
      settings.rounds > 1 ? "tie: the medians differ by no more than the wider spread."
                          : "One round shows no spread, so it shows no winner.");
}

nlohmann::json samples_json(std::span<const Comparison> comparisons,
                            std::span<const Allocator> allocators, const Settings& settings) {
  nlohmann::json result{{"version", 1},
                        {"rounds", settings.rounds},
                        {"by_metric", settings.metric.has_value()},
                        {"allocators", nlohmann::json::array()},
                        {"comparisons", nlohmann::json::array()}};
  for (const Allocator& allocator : allocators) {
    nlohmann::json variables = nlohmann::json::object();
    for (const auto& [name, value] : allocator.variables) variables[name] = value;
    result["allocators"].push_back({{"name", allocator.name},
                                    {"library", allocator.library.string()},
                                    {"variables", std::move(variables)}});
  }
  for (const Comparison& comparison : comparisons) {
    result["comparisons"].push_back(comparison_json(comparison));
  }
  return result;
}

void write_json(const std::string& file, const nlohmann::json& json) {
  std::ofstream out(file);
  out << json.dump(1) << "\n";
  if (!out.flush()) throw UsageError("cannot write " + file);
}

}  // namespace hakmem::cli
