// `hakmem replay TRACE`: the trace's allocations under every allocator of the machine, for real; or
// with --show, what the trace holds.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "allocator_choice.hpp"
#include "commands.hpp"
#include "experiment.hpp"
#include "process.hpp"
#include "progress.hpp"
#include "replay_plan.hpp"
#include "replay_report.hpp"
#include "report.hpp"
#include "trace_file.hpp"
#include "trace_summary.hpp"

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPlayer = "hakmem-player";

struct ReplayFlags {
  std::string trace;
  bool show = false;
  std::vector<std::string> with;
  std::vector<std::string> only;
  std::vector<std::string> variables;
  std::string speed = "1";
  int rounds = 3;
  std::uint64_t from = 0;
  bool one_thread = false;
  double price = 0.125;
  unsigned limit_seconds = 600;
  std::string json;
};

// The plan as a file in memory, which goes away with this process.
class PlanFile {
 public:
  explicit PlanFile(const std::vector<std::byte>& bytes)
      : fd_(::memfd_create("plan", MFD_CLOEXEC)) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t count = ::write(fd_, bytes.data() + at, bytes.size() - at);
      if (count <= 0) throw std::system_error(errno, std::generic_category(), "the plan");
      at += static_cast<std::size_t>(count);
    }
  }
  ~PlanFile() { ::close(fd_); }
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;
  std::string path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_); }

 private:
  int fd_;
};

std::optional<double> parse_speed(const std::string& text) {
  if (text == "max") return std::nullopt;
  double speed = 0;
  if (!CLI::detail::lexical_cast(text, speed) || !(speed > 0)) {
    throw UsageError(fmt::format("--speed {}: a number above 0 or max is allowed", text));
  }
  return speed;
}

Environment base_environment(const ReplayFlags& flags) {
  Environment environment = Environment::inherited();
  for (const std::string& variable : flags.variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--env {}: NAME=VALUE is allowed", variable));
    }
    environment.set(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

std::string find_player() {
  const auto player = find_our_library(kPlayer);
  if (!player)
    throw UsageError(fmt::format("{} is neither beside this command nor in ../lib", kPlayer));
  return player->string();
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  return end == std::string::npos ? "" : text.substr(text.find_last_of('\n', end) + 1, end);
}

void play_once(const std::vector<std::string>& player, const Environment& environment,
               unsigned limit_seconds, ReplaySeries& series) {
  const RunResult run = run_measured(player, environment, limit_seconds);
  if (!run.succeeded()) {
    const std::string said = last_line(run.error_tail);
    series.failure = describe_end(run) + (said.empty() ? "" : ": " + said);
    return;
  }
  series.results.push_back(parse_player_output(run.output));
  const std::uint64_t refused = series.results.back().refused;
  if (refused > 0) series.failure = fmt::format("refused {} allocations", refused);
}

std::string warning_of(const Trace& trace) {
  std::string warning;
  if (trace.lost > 0) warning += fmt::format("; {} events are lost", trace.lost);
  if (trace.truncated) warning += "; it ends early";
  return warning;
}

// Every round plays under all allocators, and begins with the next one.
Replay play(const ReplayFlags& flags, const Trace& trace, const std::vector<Allocator>& allocators,
            const PlanFile& plan) {
  const std::vector<std::string> player{find_player(), plan.path()};
  const Environment base = base_environment(flags);
  Replay replay{
      fs::path(flags.trace).filename().string(), warning_of(trace), flags.price, flags.rounds, {}};
  for (const Allocator& allocator : allocators) replay.series.push_back({allocator.name, {}, {}});
  Progress progress(allocators.size() * static_cast<std::size_t>(flags.rounds));
  for (int round = 0; round < flags.rounds; ++round) {
    for (const std::size_t index : rotation(allocators.size(), round)) {
      ReplaySeries& series = replay.series[index];
      progress.begin(fmt::format("round {} of {}, {}", round + 1, flags.rounds, series.allocator));
      if (series.failure.empty()) {
        play_once(player, environment_for(allocators[index], base), flags.limit_seconds, series);
      }
      progress.finish_steps(1);
    }
    progress.end_round(fmt::format("round {} of {} done", round + 1, flags.rounds));
  }
  return replay;
}

int run(const ReplayFlags& flags) {
  const bool colours = ::isatty(STDOUT_FILENO) == 1;
  Trace trace = read_trace(flags.trace);
  if (flags.from > 0) trace = keep_from(trace, flags.from);
  if (flags.show) {
    fmt::print("{}", trace_text(trace, colours));
    return 0;
  }
  const PlanFile plan(make_plan(trace, {parse_speed(flags.speed), flags.one_thread}));
  const std::vector<Allocator> allocators = choose_allocators(flags.with, flags.only);
  const std::string baseline = baseline_of(allocators);
  const Replay replay = play(flags, trace, allocators, plan);
  fmt::print("{}", replay_table(replay, baseline, colours));
  if (!flags.json.empty()) write_json(flags.json, replay_json(replay, allocators));
  const bool all = std::all_of(replay.series.begin(), replay.series.end(),
                               [](const ReplaySeries& series) { return series.complete(); });
  return all ? 0 : kFailure;
}

void add_choice_flags(CLI::App& app, ReplayFlags& flags) {
  app.add_option("--with", flags.with, "one more allocator, with variables for its runs if needed")
      ->type_name("[NAME=]X.so[,VAR=VALUE]")
      ->allow_extra_args(false);
  app.add_option("--only", flags.only, "play under these allocators only")
      ->type_name("NAME")
      ->delimiter(',');
  app.add_option("--env", flags.variables, "set this variable for all runs")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void add_flags(CLI::App& app, ReplayFlags& flags) {
  app.add_option("trace", flags.trace, "what hakmem record wrote")->required()->type_name("TRACE");
  app.add_flag("--show", flags.show, "say what the trace holds, and play nothing");
  add_choice_flags(app, flags);
  app.add_option("--speed", flags.speed, "how fast (default 1; max: without pauses)")
      ->type_name("X|max");
  app.add_option("--rounds", flags.rounds, "rounds (default 3)")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  app.add_option("--from", flags.from, "leave out smaller blocks (32K, 1M; default 0)")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("BYTES");
  app.add_flag("--one-thread", flags.one_thread, "play what all threads did in one");
  app.add_option("--price", flags.price, "CPU seconds for a GiB-second (default 0.125)")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("X");
  app.add_option("--limit", flags.limit_seconds,
                 "end a run after this time (default 600, 0: never)")
      ->type_name("SECONDS");
  app.add_option("--json", flags.json, "write every sample to this file")->type_name("FILE");
}

}  // namespace

Command add_replay_command(CLI::App& app) {
  CLI::App* replay_app =
      app.add_subcommand("replay", "Play a recorded trace under every allocator found");
  set_usage(*replay_app, "hakmem replay [OPTIONS] TRACE");
  replay_app->footer("Make a trace with: hakmem record -o TRACE -- PROGRAM ARGS");
  const auto flags = std::make_shared<ReplayFlags>();
  add_flags(*replay_app, *flags);
  return {replay_app, [flags](const Program&) { return run(*flags); }};
}

}  // namespace hakmem::cli
