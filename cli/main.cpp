// The command `hakmem`: parses the command line and hands over to the chosen sub-command.
#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "commands.hpp"

namespace hakmem::cli {
namespace {

// What follows the "--", or else what follows the sub-command's own options.
Program program_of(const CLI::App& app, const Program& after_dashes) {
  const Program rest = app.remaining();
  if (rest.empty()) return after_dashes;
  if (rest[0].starts_with('-')) throw UsageError("unknown option " + rest[0]);
  if (!after_dashes.empty())
    throw UsageError(rest[0] + " is no option; the program follows the --");
  return rest;
}

int parse_and_run(const std::vector<std::string>& own_words, const Program& program) {
  CLI::App app("hakmem: a malloc for Linux, and tools that show what it does");
  app.name("hakmem");
  app.require_subcommand(1);
  app.set_version_flag("--version", "hakmem " HAKMEM_VERSION);
  const Command commands[] = {add_run_command(app), add_compare_command(app),
                              add_stats_command(app), add_record_command(app),
                              add_replay_command(app), add_simulate_command(app), add_profile_command(app)};
  try {
    // CLI11 takes the words last one first.
    app.parse(std::vector<std::string>(own_words.rbegin(), own_words.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    return command.run(program_of(*command.app, program));
  }
  return kUsageError;
}

}  // namespace
}  // namespace hakmem::cli

int main(int count, char** words) {
  const std::vector<std::string> all(words + 1, words + count);
  const auto end = std::find(all.begin(), all.end(), "--");
  const std::vector<std::string> own_words(all.begin(), end);
  const std::vector<std::string> program(end == all.end() ? end : end + 1, all.end());
  try {
    return hakmem::cli::parse_and_run(own_words, program);
  } catch (const hakmem::cli::UsageError& error) {
    fmt::print(stderr, "hakmem: {}\n", error.what());
    return hakmem::cli::kUsageError;
  } catch (const std::exception& error) {
    fmt::print(stderr, "hakmem: {}\n", error.what());
    return hakmem::cli::kFailure;
  }
}
