// The library's options as flags of `hakmem run`: one table, from which the flags, their checks,
// their help and the environment variables all come.
#pragma once

#include <CLI/CLI.hpp>

#include <map>
#include <span>
#include <string>

#include "environment.hpp"

namespace hakmem::cli {

// One HAKMEM_* variable. A value is one of `words` when there are any, otherwise a number within
// [lowest, highest] when highest is above zero, otherwise any text. Without a placeholder the flag
// takes no value and sets 1.
struct LibraryOption {
  const char* flag;
  const char* variable;
  const char* words;  // "a|b|c" or empty
  long lowest;
  long highest;
  const char* placeholder;
  const char* help;
};

std::span<const LibraryOption> library_options();

// Empty when `value` is allowed, otherwise the sentence that says what is.
std::string check_value(const LibraryOption& option, const std::string& value);

// Values given on the command line, by variable.
using LibraryValues = std::map<std::string, std::string>;

// Adds every option of the table to `app`; parsing fills `values`, which must outlive the parse.
void add_library_flags(CLI::App& app, LibraryValues& values);

void put_into(const LibraryValues& values, Environment& environment);

}  // namespace hakmem::cli
