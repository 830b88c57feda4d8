// `hakmem compare [-- PROGRAM ARGS]`: a program, or the built-in set of programs, under every
// allocator of the machine.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "allocator_choice.hpp"
#include "commands.hpp"
#include "experiment.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

constexpr int kRoundsOfAProgram = 5;
constexpr int kRoundsOfTheSet = 3;

struct CompareFlags {
  std::vector<std::string> with;
  std::vector<std::string> only;
  std::vector<std::string> programs;
  int rounds = 0;  // 0: the default of what is compared
  int warmup = 0;
  unsigned limit_seconds = 120;
  std::string metric;
  bool lower_is_better = false;
  std::string json;
  std::string name;
};

// A directory for the set's inputs that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "hakmem-compare-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw UsageError("cannot create " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Settings settings_of(const CompareFlags& flags, int default_rounds) {
  Settings settings;
  settings.rounds = flags.rounds > 0 ? flags.rounds : default_rounds;
  settings.warmup = flags.warmup;
  settings.limit_seconds = flags.limit_seconds;
  settings.metric_better = flags.lower_is_better ? Better::kLower : Better::kHigher;
  if (flags.metric.empty()) return settings;
  try {
    settings.metric = std::regex(flags.metric);
  } catch (const std::regex_error& error) {
    throw UsageError(fmt::format("--metric '{}': {}", flags.metric, error.what()));
  }
  if (settings.metric->mark_count() != 1) throw UsageError("--metric needs exactly one (group)");
  return settings;
}

std::vector<Comparison> compare_program(const CompareFlags& flags, const Program& program,
                                        const std::vector<Allocator>& allocators,
                                        const Settings& settings) {
  const std::string name =
      flags.name.empty() ? fs::path(program[0]).filename().string() : flags.name;
  Progress progress(runs_planned(settings, allocators.size()));
  return {compare(name, program, allocators, Environment::inherited(), settings, progress)};
}

// The long ones run only when they are named.
bool wanted(const CompareFlags& flags, const Workload& workload) {
  const auto& names = flags.programs;
  if (names.empty()) return !workload.full_only;
  return std::find(names.begin(), names.end(), workload.name) != names.end();
}

std::vector<Workload> choose_workloads(const CompareFlags& flags) {
  const auto directory = find_programs_directory();
  if (!directory)
    throw UsageError("the programs directory is missing; give a program: -- PROGRAM ARGS");
  std::vector<Workload> chosen;
  for (Workload& workload : load_workloads(*directory)) {
    if (!wanted(flags, workload)) continue;
    if (const auto missing = missing_command(workload)) {
      fmt::print(stderr, "hakmem: leaving out {}: {} is not installed\n", workload.name, *missing);
      continue;
    }
    chosen.push_back(std::move(workload));
  }
  if (chosen.empty()) throw UsageError("no program to compare");
  return chosen;
}

Comparison compare_workload(const Workload& workload, const std::vector<Allocator>& allocators,
                            const Settings& settings, Progress& progress) {
  const TemporaryDirectory inputs;
  progress.begin(workload.name + ", making its inputs");
  const Environment environment = Environment::inherited();
  const RunResult prepared =
      run_measured(workload.command("prepare", inputs.path()), environment, settings.limit_seconds);
  if (!prepared.succeeded()) {
    progress.finish_steps(runs_planned(settings, allocators.size()));
    Comparison skipped;
    skipped.program = workload.name;
    skipped.skipped = "its inputs could not be made: " + prepared.error_tail;
    return skipped;
  }
  return compare(workload.name, workload.command("run", inputs.path()), allocators, environment,
                 settings, progress);
}

std::vector<Comparison> compare_set(const CompareFlags& flags, const std::vector<Allocator>& allocators,
                                    const Settings& settings) {
  const std::vector<Workload> workloads = choose_workloads(flags);
  Progress progress(runs_planned(settings, allocators.size()) * workloads.size());
  std::vector<Comparison> comparisons;
  for (const Workload& workload : workloads) {
    comparisons.push_back(compare_workload(workload, allocators, settings, progress));
  }
  return comparisons;
}

void print_report(const std::vector<Comparison>& comparisons, const std::string& baseline,
                  const Settings& settings) {
  const bool colours = ::isatty(STDOUT_FILENO) == 1;
  fmt::print("{}\n", results_table(comparisons, baseline, colours));
  const std::string summary = summary_table(comparisons, baseline, colours);
  if (!summary.empty()) fmt::print("{}\n", summary);
  fmt::print("{}", legend(baseline, settings));
}

// Every run of the baseline worked and printed what it should.
bool baseline_is_right(const std::vector<Comparison>& comparisons, const std::string& baseline) {
  return std::all_of(comparisons.begin(), comparisons.end(), [&](const Comparison& comparison) {
    const Series* ours = comparison.find(baseline);
    return ours == nullptr || (ours->complete() && !ours->output_differs);
  });
}

int run(const CompareFlags& flags, const Program& program) {
  const std::vector<Allocator> allocators = choose_allocators(flags.with, flags.only);
  const std::string baseline = baseline_of(allocators);
  const bool whole_set = program.empty();
  if (whole_set && !flags.metric.empty())
    throw UsageError("--metric needs a program: -- PROGRAM ARGS");
  const Settings settings = settings_of(flags, whole_set ? kRoundsOfTheSet : kRoundsOfAProgram);
  const std::vector<Comparison> comparisons =
      whole_set ? compare_set(flags, allocators, settings)
                : compare_program(flags, program, allocators, settings);
  print_report(comparisons, baseline, settings);
  if (!flags.json.empty()) write_json(flags.json, samples_json(comparisons, allocators, settings));
  const bool measured = std::any_of(comparisons.begin(), comparisons.end(),
                                    [](const Comparison& one) { return !one.series.empty(); });
  return measured && baseline_is_right(comparisons, baseline) ? 0 : kFailure;
}

void add_flags(CLI::App& app, CompareFlags& flags) {
  app.add_option("--with", flags.with, "one more allocator, with variables for its runs if needed")
      ->type_name("[NAME=]X.so[,VAR=VALUE]")
      ->allow_extra_args(false);
  app.add_option("--only", flags.only, "compare these allocators only")
      ->type_name("NAME")
      ->delimiter(',');
  app.add_option("--programs", flags.programs, "run these of the built-in programs only")
      ->type_name("NAME")
      ->delimiter(',');
  app.add_option("--rounds", flags.rounds,
                 fmt::format("measured rounds (default {}, built-in programs {})",
                             kRoundsOfAProgram, kRoundsOfTheSet))
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  app.add_option("--warmup", flags.warmup, "unmeasured rounds before the first (default 0)")
      ->check(CLI::Range(0, 1000).description(""))
      ->type_name("N");
  app.add_option("--limit", flags.limit_seconds,
                 "end a run after this time (default 120, 0: never)")
      ->type_name("SECONDS");
  app.add_option("--metric", flags.metric,
                 "compare by the number this pattern's group matches on stdout")
      ->type_name("REGEX");
  app.add_flag("--lower-is-better", flags.lower_is_better, "of the metric; otherwise higher is");
  app.add_option("--name", flags.name, "what to call the program in the table")->type_name("NAME");
  app.add_option("--json", flags.json, "write every sample to this file")->type_name("FILE");
}

}  // namespace

Command add_compare_command(CLI::App& app) {
  CLI::App* compare_app = app.add_subcommand(
      "compare", "Run a program under every allocator found and print one table");
  set_usage(*compare_app, "hakmem compare [OPTIONS] [-- PROGRAM ARGS]");
  compare_app->prefix_command();
  compare_app->footer(
      "Without a program, a built-in set of real programs is run (about two minutes).");
  const auto flags = std::make_shared<CompareFlags>();
  add_flags(*compare_app, *flags);
  return {compare_app, [flags](const Program& program) { return run(*flags, program); }};
}

}  // namespace hakmem::cli
