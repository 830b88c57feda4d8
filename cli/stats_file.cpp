// See stats_file.hpp.
#include "stats_file.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kVariable = "HAKMEM_STATS=";
// Rewriting takes microseconds; a writer that died half-way never ends.
constexpr int kAttempts = 100;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(1);

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw StatsError(fmt::format("cannot read {}", file.string()));
  return {std::istreambuf_iterator<char>(in), {}};
}

void check(const hak_stats& stats, std::size_t size, const fs::path& file) {
  if (size < offsetof(hak_stats, sequence) || stats.magic != HAK_STATS_MAGIC) {
    throw StatsError(fmt::format("{} holds no statistics of hakmem", file.string()));
  }
  if (stats.version != HAK_STATS_VERSION || size != sizeof stats || stats.size != sizeof stats ||
      stats.class_count > HAK_STATS_MAX_CLASSES || stats.context_count > HAK_STATS_MAX_CONTEXTS ||
      stats.site_count > HAK_STATS_MAX_SITES || stats.knob_count > HAK_STATS_MAX_KNOBS) {
    throw StatsError(
        fmt::format("{} is of version {} ({} bytes), this command reads version {} ({} bytes)",
                    file.string(), stats.version, size, HAK_STATS_VERSION, sizeof stats));
  }
}

hak_stats read_once(const fs::path& file) {
  const std::string bytes = read_whole(file);
  hak_stats stats{};
  std::memcpy(&stats, bytes.data(), std::min(bytes.size(), sizeof stats));
  check(stats, bytes.size(), file);
  return stats;
}

}  // namespace

hak_stats read_stats(const fs::path& file) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const hak_stats stats = read_once(file);
    const bool at_rest = stats.sequence % 2 == 0;
    if (at_rest && read_once(file).sequence == stats.sequence) return stats;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  throw StatsError(
      fmt::format("{} is never at rest: its process died while writing it", file.string()));
}

std::string expand_pattern(std::string_view pattern, std::string_view process_id) {
  std::string path;
  while (!pattern.empty()) {
    const std::size_t at = pattern.find("%p");
    path += pattern.substr(0, at);
    if (at == std::string_view::npos) break;
    path += process_id;
    pattern.remove_prefix(at + 2);
  }
  return path;
}

std::optional<std::string> stats_pattern(std::string_view environment) {
  while (!environment.empty()) {
    const std::size_t end = environment.find('\0');
    const std::string_view entry = environment.substr(0, end);
    if (entry.starts_with(kVariable)) return std::string(entry.substr(kVariable.size()));
    if (end == std::string_view::npos) break;
    environment.remove_prefix(end + 1);
  }
  return std::nullopt;
}

fs::path stats_file_of(const std::string& process_id) {
  const fs::path process = fs::path("/proc") / process_id;
  if (!fs::exists(process)) throw StatsError(fmt::format("there is no process {}", process_id));
  const auto pattern = stats_pattern(read_whole(process / "environ"));
  if (!pattern) {
    throw StatsError(fmt::format(
        "process {} was started without HAKMEM_STATS; use hakmem run --stats FILE", process_id));
  }
  std::error_code failed;
  return fs::read_symlink(process / "cwd", failed) / expand_pattern(*pattern, process_id);
}

}  // namespace hakmem::cli
