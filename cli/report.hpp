// A comparison as people read it (tables for a terminal of 100 columns) and as programs read it
// (JSON with every sample).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

#include "allocators.hpp"
#include "experiment.hpp"

namespace hakmem::cli {

// One row per program and allocator, and below it whatever has to be told in words.
std::string results_table(std::span<const Comparison> comparisons, const std::string& baseline,
                          bool colours);

// One row per allocator over all programs; empty when there are fewer than two programs.
std::string summary_table(std::span<const Comparison> comparisons, const std::string& baseline,
                          bool colours);

// What the columns mean.
std::string legend(const std::string& baseline, const Settings& settings);

// The layout is described in docs/benchmarks.md.
nlohmann::json samples_json(std::span<const Comparison> comparisons,
                            std::span<const Allocator> allocators, const Settings& settings);

// Throws UsageError when the file cannot be written.
void write_json(const std::string& file, const nlohmann::json& json);

}  // namespace hakmem::cli
