// See stats_knobs.hpp.
#include "stats_knobs.hpp"

#include <fmt/format.h>

#include "stats_figures.hpp"
#include "stats_report.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

// In the unit of the knob: bytes, slabs, a share of the heap. One of a name not known here is a
// number.
std::string value_text(const hak_stats_knob& knob, std::uint64_t value) {
  const std::string name = text_of(knob.name);
  if (name == "depot" || name == "inbox") return bytes_text(value);
  if (name == "attached") return fmt::format("{} slab{}", value, value == 1 ? "" : "s");
  if (name == "growth") return value == 1 ? "the heap" : fmt::format("heap / {}", value);
  return std::to_string(value);
}

// What the last trial changed of the bill is known when it has ended.
std::string trial_text(const hak_stats_knob& knob) {
  const std::string ended = text_of(knob.last_trial);
  if (ended == "none" || ended == "running") return ended;
  return fmt::format("{}, {:+.1f} %", ended, knob.per_mille / 10.0);
}

std::string knob_table(const hak_stats& stats, bool colours) {
  Table table({{"knob", Align::kLeft},
               {"in force", Align::kRight},
               {"static", Align::kRight},
               {"moved", Align::kRight},
               {"last trial", Align::kLeft}});
  for (const hak_stats_knob& one : knobs_of(stats)) {
    table.add_row({{text_of(one.name)},
                   {value_text(one, one.value), Style::kStrong},
                   {value_text(one, one.static_value), Style::kFaint},
                   {std::to_string(one.kept)},
                   {trial_text(one)}});
  }
  return table.render(colours);
}

}  // namespace

std::string knobs_text(const hak_stats& stats, bool colours) {
  if (stats.knobs_adapt == 0) return "";
  return fmt::format(
      "adaptive knobs: {}; levels changed {} times, trials included; bill so far: {} of slow "
      "paths, {} of idle memory\n"
      "spare magazines: {} allowed of {}; allowances grew {} times, shrank {}, were lent {}; idle "
      "classes emptied {} times\n"
      "bundles: thresholds moved {} times; those of {} classes are below a magazine\n\n{}\n",
      stats.knobs_settled != 0 ? "settled" : "on trial", stats.knob_changes,
      seconds_text(stats.knob_bill_cpu_s), seconds_text(stats.knob_bill_memory_s),
      bytes_text(stats.spare_bound_bytes - stats.spare_unclaimed_bytes),
      bytes_text(stats.spare_bound_bytes), stats.allowance_growths, stats.allowance_shrinkings,
      stats.allowance_loans, stats.idle_classes_emptied, stats.bundle_changes, stats.cold_classes,
      knob_table(stats, colours));
}

std::string huge_units_text(const hak_stats& stats) {
  if (stats.huge_wanted_bytes == 0 && stats.huge_resident_bytes == 0) return "";
  return fmt::format(
      "huge pages: wanted for {}; {} of 2 MiB in full use, {} in part, {} free in those; {} resident, {} "
      "collapsed so far\n\n",
      bytes_text(stats.huge_wanted_bytes), stats.huge_full_units, stats.huge_part_units,
      bytes_text(stats.huge_waste_bytes), bytes_text(stats.huge_resident_bytes),
      bytes_text(stats.huge_collapsed_bytes));
}

}  // namespace hakmem::cli
