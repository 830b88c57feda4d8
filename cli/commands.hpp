// The sub-commands. Each adds itself to the application and returns what runs it after the parse;
// that returns the exit code. The words after a
// lone "--", or from the first word on that is no option, reach them as `program`.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace hakmem::cli {

using Program = std::vector<std::string>;

// A mistake of the caller: main prints the sentence and exits with kUsageError.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr int kFailure = 1;
inline constexpr int kUsageError = 2;

struct Command {
  CLI::App* app;
  std::function<int(const Program& program)> run;
};

// The line --help begins with; CLI11 knows nothing of what follows the "--".
void set_usage(CLI::App& app, const std::string& usage);

Command add_run_command(CLI::App& app);
Command add_compare_command(CLI::App& app);
Command add_stats_command(CLI::App& app);
Command add_profile_command(CLI::App& app);
Command add_simulate_command(CLI::App& app);
Command add_record_command(CLI::App& app);
Command add_replay_command(CLI::App& app);

}  // namespace hakmem::cli
