// count_path: instructions, branches and locked operations of one warm call of malloc, free and
// kin.
//
//   count_path [--lib LIBRARY.so] [--golden FILE] [--path NAME ...]
//
// Runs each path in a child process with the library preloaded, one instruction at a time, and
// prints a table. A row is the mode of 33 calls (the count that occurs most often; the smaller of
// two), or, for paths named bundle, the mean of 640 calls, slow paths included, with locked
// operations per 64 calls. `branches` are conditional plus indirect ones; direct jumps and calls
// (`direct`) and returns (`ret`) are counted apart.
//
// With --golden the counts are held against a table of allowed maxima: 1 when one is exceeded or
// one of its paths was not counted. 2 for a bad table, 77 when this machine cannot count.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "count_path_paths.hpp"
#include "count_path_trace.hpp"

namespace {

using count_path::Counts;
using count_path::Path;

constexpr int kExceeded = 1;
constexpr int kUsage = 2;
constexpr int kCannotCount = 77;  // what ctest takes for "skipped"

struct Row {
  double instructions;
  double branches;
  double conditional;
  double indirect;
  double direct;
  double returns;
  double locked;
  std::size_t least;
  std::size_t most;
};

// What a path may cost at the most.
struct Limit {
  double instructions;
  double branches;
  double locked;
};

bool fewer_instructions(const Counts& a, const Counts& b) {
  return a.instructions < b.instructions;
}

// The call whose number of instructions occurs most often; the calls are sorted by it.
const Counts& most_frequent(const std::vector<Counts>& calls) {
  auto best = calls.begin();
  std::ptrdiff_t best_times = 0;
  for (auto first = calls.begin(); first != calls.end();) {
    const auto last = std::upper_bound(first, calls.end(), *first, fewer_instructions);
    if (last - first > best_times) {
      best = first;
      best_times = last - first;
    }
    first = last;
  }
  return *best;
}

double mean(const std::vector<Counts>& calls, std::size_t Counts::*count) {
  const auto add = [count](double sum, const Counts& call) {
    return sum + static_cast<double>(call.*count);
  };
  return std::accumulate(calls.begin(), calls.end(), 0.0, add) / static_cast<double>(calls.size());
}

Row summarize(const Path& path, std::vector<Counts> calls) {
  std::sort(calls.begin(), calls.end(), fewer_instructions);
  const bool mode = path.summary == count_path::Summary::kMode;
  const std::vector<Counts> counted = mode ? std::vector{most_frequent(calls)} : calls;
  Row row{};
  row.instructions = mean(counted, &Counts::instructions);
  row.conditional = mean(counted, &Counts::conditional);
  row.indirect = mean(counted, &Counts::indirect);
  row.branches = row.conditional + row.indirect;
  row.direct = mean(counted, &Counts::direct);
  row.returns = mean(counted, &Counts::returns);
  row.locked = mean(counted, &Counts::locked) * (mode ? 1 : count_path::kBundle);
  row.least = calls.front().instructions;
  row.most = calls.back().instructions;
  return row;
}

void print_header() {
  fmt::print("{:<20}{:>13}{:>10}{:>8}{:>10}{:>8}{:>6}{:>8}  {:<12} {}\n", "path", "instructions",
             "branches", "= cond", "+ indirect", "direct", "ret", "locked", "range", "call");
}

void print_row(const Path& path, const Row& row) {
  fmt::print("{:<20}{:>13.4g}{:>10.3g}{:>8.3g}{:>10.3g}{:>8.3g}{:>6.3g}{:>8.3g}  {:<12} {}\n",
             path.name, row.instructions, row.branches, row.conditional, row.indirect, row.direct,
             row.returns, row.locked, fmt::format("{}..{}", row.least, row.most), path.what);
}

// One field of the golden table; - sets no limit.
double read_limit(const std::string& field) {
  return field == "-" ? std::numeric_limits<double>::infinity() : std::stod(field);
}

// Lines of `path instructions branches locked`; # begins a comment.
std::map<std::string, Limit> read_golden(const std::string& file) {
  std::map<std::string, Limit> limits;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream fields(line.substr(0, line.find('#')));
    std::string path;
    std::array<std::string, 3> field;
    if (!(fields >> path)) continue;
    if (!(fields >> field[0] >> field[1] >> field[2])) {
      throw std::invalid_argument(fmt::format("{}: not a row: {}", file, line));
    }
    limits[path] = {read_limit(field[0]), read_limit(field[1]), read_limit(field[2])};
  }
  if (limits.empty()) throw std::invalid_argument(file + ": no rows");
  return limits;
}

// Prints what is over its limit; returns how many counts are.
int compare(const std::string& path, const char* what, double counted, double allowed) {
  if (counted <= allowed) return 0;
  fmt::print("exceeded: {} takes {:.4g} {}, the golden table allows {:.4g}\n", path, counted, what,
             allowed);
  return 1;
}

int check_golden(const std::map<std::string, Limit>& limits,
                 const std::map<std::string, Row>& rows) {
  int exceeded = 0;
  for (const auto& [path, limit] : limits) {
    const auto row = rows.find(path);
    if (row == rows.end()) {
      fmt::print("not counted: {}, which stands in the golden table\n", path);
      ++exceeded;
      continue;
    }
    exceeded += compare(path, "instructions", row->second.instructions, limit.instructions);
    exceeded += compare(path, "branches", row->second.branches, limit.branches);
    exceeded += compare(path, "locked operations", row->second.locked, limit.locked);
  }
  if (exceeded == 0) fmt::print("all {} paths are within the golden table\n", limits.size());
  return exceeded == 0 ? 0 : kExceeded;
}

// One path's row, printed; nothing when the library cannot be stepped through it.
std::optional<Row> report(const Path& path, const count_path::Trace& trace) {
  switch (trace.outcome) {
    case count_path::Outcome::kImpossible:
      fmt::print("cannot count: this machine does not let a program be single-stepped\n");
      std::exit(kCannotCount);
    case count_path::Outcome::kEndless:
      fmt::print("{:<20} does not end when single-stepped\n", path.name);
      return std::nullopt;
    case count_path::Outcome::kChildFailed:
      fmt::print("{:<20} failed with status {}\n", path.name, trace.status);
      return std::nullopt;
    case count_path::Outcome::kCounted:
      break;
  }
  const Row row = summarize(path, trace.calls);
  print_row(path, row);
  return row;
}

bool wanted(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

std::map<std::string, Row> count_all(const std::vector<std::string>& names,
                                     const std::string& library) {
  std::map<std::string, Row> rows;
  std::map<void (*)(), count_path::Trace> traces;  // paths that differ in their summary share one
  print_header();
  for (const Path& path : count_path::kPaths) {
    if (!wanted(names, path.name)) continue;
    if (traces.count(path.run) == 0)
      traces[path.run] = count_path::trace_path(std::string(path.name), library);
    if (const std::optional<Row> row = report(path, traces[path.run]))
      rows.emplace(path.name, *row);
    std::fflush(stdout);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--child") return count_path::run_child(argv[2]);

  CLI::App app{"Instructions, branches and locked operations of one warm call"};
  std::string library;
  std::string golden;
  std::vector<std::string> names;
  app.add_option("--lib", library, "allocator to preload; the C library's without it")
      ->check(CLI::ExistingFile);
  app.add_option("--golden", golden, "table of allowed maxima")->check(CLI::ExistingFile);
  app.add_option("--path", names, "count only the paths of these names");
  CLI11_PARSE(app, argc, argv);
  if (!library.empty()) library = std::filesystem::absolute(library).string();

  try {
    const auto limits = golden.empty() ? std::map<std::string, Limit>{} : read_golden(golden);
    const std::map<std::string, Row> rows = count_all(names, library);
    return golden.empty() ? 0 : check_golden(limits, rows);
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kUsage;
  }
}
