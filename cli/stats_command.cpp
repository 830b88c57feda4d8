// `hakmem stats FILE|PID [--json]`: what a running or finished program holds or held, and why.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "stats_file.hpp"
#include "stats_report.hpp"

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

struct Flags {
  std::string target;
  bool json = false;
};

bool is_number(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int run(const Flags& flags) {
  // A file whose name is a number can be given as ./NUMBER.
  const fs::path file =
      is_number(flags.target) ? stats_file_of(flags.target) : fs::path(flags.target);
  const hak_stats stats = read_stats(file);
  if (flags.json) {
    fmt::print("{}\n", stats_json(stats).dump(1));
  } else {
    fmt::print("{}", stats_text(stats, ::isatty(STDOUT_FILENO) == 1));
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
  const auto flags = std::make_shared<Flags>();
  stats_app
      ->add_option("target", flags->target, "the statistics file, or the id of a running process")
      ->required()
      ->type_name("FILE|PID");
  stats_app->add_flag("--json", flags->json, "print JSON");
  return {stats_app, [flags](const Program&) { return run(*flags); }};
}

}  // namespace hakmem::cli
