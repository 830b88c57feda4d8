// See stats_report.hpp.
#include "stats_report.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "stats_figures.hpp"
#include "stats_knobs.hpp"
#include "stats_learning.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

constexpr const char* kHugePages[] = {"auto", "always", "never"};

std::uint64_t sum(std::span<const Figure> figures, const hak_stats& stats) {
  std::uint64_t total = 0;
  for (const Figure& figure : figures) total += stats.*figure.value;
  return total;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "";
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

// A heading with its sum, then its figures below it, each as a share of `whole`.
void add_section(Table& table, const char* heading, std::span<const Figure> figures,
                 const hak_stats& stats, std::uint64_t whole) {
  const std::uint64_t total = sum(figures, stats);
  table.add_row({{heading, Style::kStrong},
                 {bytes_text(total), Style::kStrong},
                 {percent(total, whole), Style::kStrong}});
  for (const Figure& figure : figures) {
    const std::uint64_t bytes = stats.*figure.value;
    table.add_row(
        {{fmt::format("  {}", figure.title)}, {bytes_text(bytes)}, {percent(bytes, whole)}});
  }
}

std::string held_table(const hak_stats& stats, bool colours) {
  Table table({{"what", Align::kLeft}, {"bytes", Align::kRight}, {"share", Align::kRight}});
  const std::uint64_t whole = sum(kInUse, stats) + sum(kHeld, stats);
  add_section(table, "in use by the program", kInUse, stats, whole);
  add_section(table, "held beyond that", kHeld, stats, whole);
  table.add_row({{"together", Style::kStrong}, {bytes_text(whole), Style::kStrong}});
  table.add_gap();
  for (const Figure& figure : kOther)
    table.add_row({{figure.title}, {bytes_text(stats.*figure.value)}});
  table.add_row({{kPurged.title}, {bytes_text(stats.*kPurged.value)}});
  if (stats.limit_bytes != 0 || stats.hard_limit_bytes != 0) {
    for (const Figure& figure : kLimits)
      if (stats.*figure.value != 0)
        table.add_row({{figure.title}, {bytes_text(stats.*figure.value)}});
  }
  return table.render(colours);
}

std::string class_table(const hak_stats& stats, bool colours) {
  Table table({{"class", Align::kRight},
               {"slabs", Align::kRight},
               {"blocks", Align::kRight},
               {"taken", Align::kRight},
               {"free in slabs", Align::kRight},
               {"free bytes", Align::kRight}});
  for (const hak_stats_class& one : classes_of(stats)) {
    if (one.slabs == 0) continue;
    table.add_row({{fmt::format("{} B", one.block_size)},
                   {std::to_string(one.slabs)},
                   {std::to_string(one.blocks)},
                   {std::to_string(one.blocks - one.free_blocks)},
                   {std::to_string(one.free_blocks)},
                   {bytes_text(one.free_blocks * one.block_size)}});
  }
  return table.render(colours);
}

nlohmann::json json_of(const hak_stats_context& context) {
  return {{"block_bytes", context.block_bytes},
          {"first_depth", context.first_depth},
          {"last_depth", context.last_depth},
          {"site_group", context.site_group},
          {"idle_blocks", context.idle_blocks},
          {"idle_bytes", context.idle_bytes},
          {"lazy_bytes", context.lazy_bytes},
          {"reuses", context.reuses},
          {"bill_paid_s", context.bill_paid_s},
          {"bill_best_fixed_s", context.bill_best_fixed_s},
          {"arm", text_of(context.arm)},
          {"learned_arm", text_of(context.learned_arm)},
          {"best_fixed_arm", text_of(context.best_fixed_arm)}};
}

nlohmann::json json_of(const hak_stats_site& site) {
  return {{"block_bytes", site.block_bytes},
          {"module", text_of(site.module)},
          {"offset", site.offset},
          {"site_group", site.site_group},
          {"mean_idle_s", site.mean_idle_s},
          {"bill_paid_s", site.bill_paid_s},
          {"bill_best_fixed_s", site.bill_best_fixed_s},
          {"best_fixed_arm", text_of(site.best_fixed_arm)}};
}

nlohmann::json json_of(const hak_stats_knob& knob) {
  return {{"name", text_of(knob.name)},        {"value", knob.value},
          {"static_value", knob.static_value}, {"kept", knob.kept},
          {"per_mille", knob.per_mille},       {"last_trial", text_of(knob.last_trial)}};
}

void add_knobs(const hak_stats& stats, nlohmann::json& into) {
  into["knobs_adapt"] = stats.knobs_adapt != 0;
  into["knobs_settled"] = stats.knobs_settled != 0;
  into["knob_changes"] = stats.knob_changes;
  into["bundle_changes"] = stats.bundle_changes;
  into["cold_classes"] = stats.cold_classes;
  for (const hak_stats_knob& one : knobs_of(stats)) into["knobs"].push_back(json_of(one));
}

void add_learning(const hak_stats& stats, nlohmann::json& into) {
  for (const Figure& figure : kCounts) into[figure.name] = stats.*figure.value;
  for (const Seconds& seconds : kSeconds) into[seconds.name] = stats.*seconds.value;
  for (const Cost& cost : kCosts) into["costs"][cost.name] = stats.costs.*cost.value;
  for (const hak_stats_context& one : contexts_of(stats)) into["contexts"].push_back(json_of(one));
  for (const hak_stats_site& one : sites_of(stats)) into["sites"].push_back(json_of(one));
}

}  // namespace

const char* huge_pages_text(const hak_stats& stats) {
  return stats.huge_pages < std::size(kHugePages) ? kHugePages[stats.huge_pages] : "unknown";
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  const double size = std::abs(seconds);
  if (size < 0.5e-6) return "0";
  if (size < 0.9995e-3) return three_digits(seconds * 1e6) + " us";
  if (size < 0.9995) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds) + " s";
}

std::string stats_text(const hak_stats& stats, bool colours) {
  return fmt::format(
      "process {}, {} thread {}, {} parked; background thread {}; purge delay {} ms, huge pages "
      "{}\n\n{}\n{}{}{}{}\n"
      "taken: held by the program, in threads' caches or between threads.\n"
      "What is free counts in full, resident or not.\n",
      stats.process_id, stats.live_heaps, stats.live_heaps == 1 ? "heap" : "heaps",
      stats.parked_heaps, stats.background != 0 ? "runs" : "does not run", stats.purge_delay_ms,
      huge_pages_text(stats), held_table(stats, colours), learning_text(stats, colours),
      knobs_text(stats, colours), huge_units_text(stats), class_table(stats, colours));
}

nlohmann::json stats_json(const hak_stats& stats) {
  nlohmann::json result{
      {"version", stats.version},
      {"process_id", stats.process_id},
      {"monotonic_ms", stats.monotonic_ms},
      {"large_blocks", stats.large_blocks},
      {"huge_blocks", stats.huge_blocks},
      {"live_heaps", stats.live_heaps},
      {"purge_delay_ms", stats.purge_delay_ms},
      {"huge_pages", huge_pages_text(stats)},
      {"parked_heaps", stats.parked_heaps},
      {"stall_percent", stats.stall_percent},
      {"split_classes", stats.split_classes},
      {"background", stats.background != 0},
      {"mode", text_of(stats.mode)},
      {"learn", text_of(stats.learn)},
      {"selector", text_of(stats.selector)},
      {"price", stats.price},
      {"best_fixed_arm", text_of(stats.best_fixed_arm)},
      {"contexts_seen", stats.contexts_seen},
      {"contexts", nlohmann::json::array()},
      {"sites_seen", stats.sites_seen},
      {"sites", nlohmann::json::array()},
      {"knobs", nlohmann::json::array()},
      {kPurged.name, stats.*kPurged.value},
      {"classes", nlohmann::json::array()},
  };
  for (const std::span<const Figure> figures :
       {std::span<const Figure>(kInUse), std::span<const Figure>(kHeld),
        std::span<const Figure>(kOther), std::span<const Figure>(kLimits),
        std::span<const Figure>(kSpares), std::span<const Figure>(kAllowances),
        std::span<const Figure>(kHugeUnits), std::span<const Figure>(kHugeBytes)}) {
    for (const Figure& figure : figures) result[figure.name] = stats.*figure.value;
  }
  add_learning(stats, result);
  add_knobs(stats, result);
  for (const hak_stats_class& one : classes_of(stats)) {
    result["classes"].push_back({{"block_size", one.block_size},
                                 {"slabs", one.slabs},
                                 {"blocks", one.blocks},
                                 {"free_blocks", one.free_blocks}});
  }
  return result;
}

}  // namespace hakmem::cli
