// Reads the record that a process started with HAKMEM_STATS keeps in a file (hakmem/stats.h).
#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "hakmem/stats.h"

namespace hakmem::cli {

// The file is not there, not a record, or of another version; the text is for the user.
struct StatsError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A whole record: one that was not being rewritten while it was read.
hak_stats read_stats(const std::filesystem::path& file);

// `pattern` with every %p replaced by the process id.
std::string expand_pattern(std::string_view pattern, std::string_view process_id);

// The value of HAKMEM_STATS in the text of /proc/PID/environ.
std::optional<std::string> stats_pattern(std::string_view environment);

// The file that process keeps, taken from its environment; a relative path starts at its directory.
std::filesystem::path stats_file_of(const std::string& process_id);

}  // namespace hakmem::cli
