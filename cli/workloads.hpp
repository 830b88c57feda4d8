// The built-in set of real programs: shell scripts in the `programs` directory beside the
// executable, or in ../share/hakmem/programs when installed.
//
// A script begins with comment lines that say what it is, and takes two sub-commands:
//     # title: one line
//     # needs: command another-command
//     # set: full only                    (where it takes too long for the built-in set)
//     NAME.sh prepare DIRECTORY small|full    makes its fixed inputs
//     NAME.sh run     DIRECTORY small|full    runs the program; its output depends on nothing else
// Scripts and their needs are looked up in kProgramPath alone, so that two machines run the same
// programs and wrappers in a user's PATH stay out of the measurement.
#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace hakmem::cli {

inline constexpr const char* kProgramPath = "/usr/bin:/bin";

struct Workload {
  std::string name;
  std::string title;
  std::vector<std::string> needs;
  bool full_only = false;
  std::filesystem::path script;

  // The command line of one sub-command.
  std::vector<std::string> command(const std::string& step,
                                   const std::filesystem::path& directory) const;
};

std::optional<std::filesystem::path> find_programs_directory();

// Reads the comment lines at the head of a script.
Workload parse_header(std::istream& script);

// All scripts of `directory` that have a title, by name.
std::vector<Workload> load_workloads(const std::filesystem::path& directory);

// The first command the workload needs that this machine lacks.
std::optional<std::string> missing_command(const Workload& workload);

}  // namespace hakmem::cli
