// See experiment.hpp.
#include "experiment.hpp"

#include <fmt/format.h>

#include <charconv>

namespace hakmem::cli {
namespace {

template <typename Value>
Spread spread_over(const std::vector<Sample>& samples, Value value) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(value(sample));
  return spread_of(std::move(values));
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const std::size_t start = text.find_last_of('\n', end);
  return text.substr(start + 1, end - start);
}

// Everything that stays the same over the runs of one program.
struct Plan {
  const std::string& program;
  const std::vector<std::string>& arguments;
  const std::vector<Allocator>& allocators;
  const Environment& base;
  const Settings& settings;
  Progress& progress;

  RunResult run(const Allocator& allocator) const {
    return run_measured(arguments, environment_for(allocator, base), settings.limit_seconds);
  }
};

void record(const Plan& plan, int round, RunResult run, std::uint64_t expected, Series& series) {
  if (!run.succeeded()) {
    series.failure = fmt::format("{} (round {})", describe_end(run), round + 1);
    return;
  }
  Sample sample{round, std::move(run), 0};
  if (plan.settings.metric) {
    const auto metric = extract_metric(sample.run.output, *plan.settings.metric);
    if (!metric) {
      series.failure = "prints no metric";
      return;
    }
    sample.metric = *metric;
  } else if (sample.run.output_hash != expected) {
    series.output_differs = true;
  }
  sample.run.output.clear();
  series.samples.push_back(std::move(sample));
}

// A warm-up round is one whose samples are thrown away.
void run_round(const Plan& plan, int round, std::uint64_t expected, Comparison& comparison) {
  const bool warmup = round < 0;
  const std::string which =
      warmup ? "warm-up" : fmt::format("round {} of {}", round + 1, plan.settings.rounds);
  for (const std::size_t index : rotation(plan.allocators.size(), warmup ? 0 : round)) {
    const Allocator& allocator = plan.allocators[index];
    Series& series = comparison.series[index];
    if (series.failure.empty()) {
      plan.progress.begin(fmt::format("{}, {}, {}", plan.program, which, allocator.name));
      RunResult run = plan.run(allocator);
      if (!warmup) record(plan, round, std::move(run), expected, series);
    }
    plan.progress.finish_steps(1);
  }
  plan.progress.end_round(fmt::format("{}: {} done", plan.program, which));
}

}  // namespace

Spread Series::wall() const {
  return spread_over(samples, [](const Sample& sample) { return sample.run.wall_seconds; });
}

Spread Series::cpu() const {
  return spread_over(samples, [](const Sample& sample) { return sample.run.cpu_seconds(); });
}

Spread Series::metric() const {
  return spread_over(samples, [](const Sample& sample) { return sample.metric; });
}

Spread Series::peak_rss_kib() const {
  return spread_over(
      samples, [](const Sample& sample) { return static_cast<double>(sample.run.peak_rss_kib); });
}

const Series* Comparison::find(std::string_view allocator) const {
  for (const Series& one : series) {
    if (one.allocator == allocator) return &one;
  }
  return nullptr;
}

std::size_t runs_planned(const Settings& settings, std::size_t allocators) {
  const auto rounds = static_cast<std::size_t>(settings.rounds + settings.warmup);
  return 1 + rounds * allocators;
}

std::vector<std::size_t> rotation(std::size_t count, int round) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) {
    order.push_back((i + static_cast<std::size_t>(round)) % count);
  }
  return order;
}

std::optional<double> extract_metric(const std::string& output, const std::regex& pattern) {
  std::smatch match;
  if (!std::regex_search(output, match, pattern) || match.size() < 2) return std::nullopt;
  const std::string text = match[1];
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

Comparison compare(const std::string& program, const std::vector<std::string>& arguments,
                   const std::vector<Allocator>& allocators, const Environment& base,
                   const Settings& settings, Progress& progress) {
  const Plan plan{program, arguments, allocators, base, settings, progress};
  Comparison comparison;
  comparison.program = program;
  comparison.by_metric = settings.metric.has_value();
  comparison.better = comparison.by_metric ? settings.metric_better : Better::kLower;
  progress.begin(program + ", first run");
  const RunResult reference = plan.run(Allocator{std::string(kLibcName), {}, {}});
  progress.finish_steps(1);
  if (!reference.succeeded()) {
    const std::string said = last_line(reference.error_tail);
    comparison.skipped = fmt::format("{} under {}{}", describe_end(reference), kLibcName,
                                     said.empty() ? "" : ": " + said);
    progress.finish_steps(runs_planned(settings, allocators.size()) - 1);
    return comparison;
  }
  for (const Allocator& allocator : allocators) {
    comparison.series.push_back({allocator.name, {}, {}, false});
  }
  for (int round = -settings.warmup; round < settings.rounds; ++round) {
    run_round(plan, round, reference.output_hash, comparison);
  }
  return comparison;
}

}  // namespace hakmem::cli
