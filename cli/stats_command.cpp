// `hakmem stats FILE|PID [--json|--openmetrics] [--watch SECONDS]`: what a running or finished
// program holds or held, and why.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "commands.hpp"
#include "stats_file.hpp"
#include "stats_openmetrics.hpp"
#include "stats_report.hpp"

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

struct StatsFlags {
  std::string target;
  bool json = false;
  bool openmetrics = false;
  double watch_s = 0;  // 0: once
};

bool is_number(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void print(const StatsFlags& flags, const hak_stats& stats) {
  if (flags.json) {
    fmt::print("{}\n", stats_json(stats).dump(flags.watch_s > 0 ? -1 : 1));
  } else if (flags.openmetrics) {
    fmt::print("{}", stats_openmetrics(stats));
  } else {
    fmt::print("{}", stats_text(stats, ::isatty(STDOUT_FILENO) == 1));
  }
  std::fflush(stdout);
}

bool is_running(std::uint32_t process_id) {
  return process_id != 0 && (::kill(static_cast<pid_t>(process_id), 0) == 0 || errno == EPERM);
}

// On a terminal each one takes the place of the one before.
void watch(const StatsFlags& flags, const fs::path& file) {
  const bool in_place = ::isatty(STDOUT_FILENO) == 1 && !flags.json && !flags.openmetrics;
  bool running = true;
  while (running) {
    running = is_running(read_stats(file).process_id);  // the last one is of its end
    if (in_place) fmt::print("\x1b[H\x1b[2J");
    print(flags, read_stats(file));
    if (running) std::this_thread::sleep_for(std::chrono::duration<double>(flags.watch_s));
  }
}

int run(const StatsFlags& flags) {
  // A file whose name is a number can be given as ./NUMBER.
  const fs::path file =
      is_number(flags.target) ? stats_file_of(flags.target) : fs::path(flags.target);
  if (flags.watch_s > 0) {
    watch(flags, file);
  } else {
    print(flags, read_stats(file));
  }
  return 0;
}

}  // namespace

Command add_stats_command(CLI::App& app) {
  CLI::App* stats_app =
      app.add_subcommand("stats", "Show what a program under hakmem holds, and why");
  set_usage(*stats_app, "hakmem stats [OPTIONS] FILE|PID");
  stats_app->footer(
      "The program has to be started with statistics: hakmem run --stats FILE -- PROGRAM ARGS.\n"
      "The file stays after the program's end.");
  const auto flags = std::make_shared<StatsFlags>();
  stats_app
      ->add_option("target", flags->target, "the statistics file, or the id of a running process")
      ->required()
      ->type_name("FILE|PID");
  CLI::Option* json =
      stats_app->add_flag("--json", flags->json, "print JSON; with --watch, a line each");
  stats_app->add_flag("--openmetrics", flags->openmetrics, "print OpenMetrics text, for Prometheus")
      ->excludes(json);
  stats_app
      ->add_option("--watch", flags->watch_s,
                   "print again every so many seconds, until the process ends")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.01, 86400.0));
  return {stats_app, [flags](const Program&) { return run(*flags); }};
}

}  // namespace hakmem::cli
