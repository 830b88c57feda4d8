// Runs one program once and measures it: fork, exec, wait4.
//
// - Time is wall time from before the fork to after the wait; CPU is that of the program and of
//   every descendant it waited for; peak RSS is that of the largest single process among them
//   (this is what wait4 reports).
// - Standard output and error go to files in memory, so that nobody has to read along; the output
//   comes back as a hash, its beginning as text, and the end of the error output as text.
// - Standard input is the same for every run: the caller's, from its start, when it is a file that
//   can be rewound; nothing otherwise.
// - The program is its own process group, which is killed at the time limit, when the user
//   interrupts, and after the program's end (so that no server it started is left behind).
//
// Not for use by two threads at once: the time limit is a timer of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "environment.hpp"

namespace hakmem::cli {

struct RunResult {
  double wall_seconds = 0;
  double user_seconds = 0;
  double system_seconds = 0;
  long peak_rss_kib = 0;
  int exit_code = 0;  // of a program that was not ended by a signal
  int signal = 0;     // 0 when the program exited by itself
  bool timed_out = false;
  std::uint64_t output_hash = 0;
  std::string output;      // the first 64 KiB
  std::string error_tail;  // the last 4 KiB

  bool succeeded() const { return exit_code == 0 && signal == 0 && !timed_out; }
  double cpu_seconds() const { return user_seconds + system_seconds; }
};

// Throws std::system_error when the program cannot be started; a program that is not found ends
// with exit code 127, as in a shell.
RunResult run_measured(std::vector<std::string> arguments, Environment environment,
                       unsigned limit_seconds);

// Replaces this process by the program. Returns, with the exit code that shells use and a line on
// stderr, only when that is not possible.
int become_program(std::vector<std::string> arguments, Environment environment);

// "ok", "exit code 3", "killed by SIGSEGV", "over the time limit".
std::string describe_end(const RunResult& result);

}  // namespace hakmem::cli
