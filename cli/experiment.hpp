// One program under several allocators, interleaved: every round runs all of them, and each round
// begins with the next one, so that drift of the machine and the order hit all alike.
//
// Before the first round the program runs once, unmeasured, under the C library's malloc: this
// brings its files into memory, gives the output every allocator has to reproduce, and shows early
// that the program works at all. An allocator that fails is left out of the rounds that follow.
#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "allocators.hpp"
#include "process.hpp"
#include "progress.hpp"
#include "samples.hpp"

namespace hakmem::cli {

struct Settings {
  int rounds = 5;
  int warmup = 0;
  unsigned limit_seconds = 0;
  std::optional<std::regex> metric = std::nullopt;  // one group, a number on stdout
  Better metric_better = Better::kHigher;
};

// One measured run. `metric` is only meaningful when one was asked for.
struct Sample {
  int round = 0;
  RunResult run;
  double metric = 0;
};

// What one allocator did with the program.
struct Series {
  std::string allocator;
  std::vector<Sample> samples;
  std::string failure;  // empty: every run succeeded
  bool output_differs = false;

  bool complete() const { return failure.empty() && !samples.empty(); }
  Spread wall() const;
  Spread cpu() const;
  Spread metric() const;
  Spread peak_rss_kib() const;
};

struct Comparison {
  std::string program;
  bool by_metric = false;
  Better better = Better::kLower;
  std::vector<Series> series;  // in the order of the allocators
  std::string skipped;         // why there are no series

  // The value that decides.
  Spread value(const Series& one) const { return by_metric ? one.metric() : one.wall(); }
  const Series* find(std::string_view allocator) const;
};

// Runs counted by the progress for one program.
std::size_t runs_planned(const Settings& settings, std::size_t allocators);

Comparison compare(const std::string& program, const std::vector<std::string>& arguments,
                   const std::vector<Allocator>& allocators, const Environment& base,
                   const Settings& settings, Progress& progress);

// The order of one round: 0, 1, 2 in the first, 1, 2, 0 in the second.
std::vector<std::size_t> rotation(std::size_t count, int round);

// The number the regular expression's group matches, if any.
std::optional<double> extract_metric(const std::string& output, const std::regex& pattern);

}  // namespace hakmem::cli
