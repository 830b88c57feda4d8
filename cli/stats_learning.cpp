// See stats_learning.hpp.
#include "stats_learning.hpp"

#include <fmt/format.h>

#include <cmath>

#include "stats_figures.hpp"
#include "stats_report.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

// What the arms cost beyond the best fixed one, as a share of that.
std::string over_text(double paid, double best) {
  return best > 0 ? fmt::format("{:+.0f} %", 100 * (paid / best - 1)) : "";
}

Cell arm_cell(const hak_stats_context& context) {
  const std::string arm = text_of(context.arm);
  const std::string learned = text_of(context.learned_arm);
  if (arm == learned) return {arm, Style::kStrong};
  return {fmt::format("{} ({})", arm, learned)};
}

std::string context_table(const hak_stats& stats, bool colours) {
  Table table({{"idle blocks of", Align::kRight},
               {"depth", Align::kRight},
               {"sites", Align::kLeft},
               {"arm", Align::kLeft},
               {"held", Align::kRight},
               {"lazy", Align::kRight},
               {"reuses", Align::kRight},
               {"bill", Align::kRight},
               {"over best", Align::kRight},
               {"best arm", Align::kLeft}});
  for (const hak_stats_context& one : contexts_of(stats)) {
    const bool scored = one.bill_paid_s > 0 || one.bill_best_fixed_s > 0;
    table.add_row({{bytes_text(one.block_bytes)},
                   {depth_text(one)},
                   {one.site_group == 0 ? "" : "slow"},
                   arm_cell(one),
                   {bytes_text(one.idle_bytes)},
                   {bytes_text(one.lazy_bytes)},
                   {std::to_string(one.reuses)},
                   {scored ? seconds_text(one.bill_paid_s) : ""},
                   {scored ? over_text(one.bill_paid_s, one.bill_best_fixed_s) : ""},
                   {scored ? text_of(one.best_fixed_arm) : "", Style::kFaint}});
  }
  return table.render(colours);
}

std::string place_text(const hak_stats_site& site) {
  const std::string module = text_of(site.module);
  if (site.offset == 0) return "not known";
  return module.empty() ? fmt::format("{:#x}", site.offset)
                        : fmt::format("{}+{:#x}", module, site.offset);
}

std::string site_table(const hak_stats& stats, bool colours) {
  Table table({{"asked for by", Align::kLeft},
               {"blocks of", Align::kRight},
               {"sites", Align::kLeft},
               {"idle for", Align::kRight},
               {"bill", Align::kRight},
               {"over best", Align::kRight},
               {"best arm", Align::kLeft}});
  for (const hak_stats_site& one : sites_of(stats)) {
    table.add_row({{place_text(one), Style::kStrong},
                   {bytes_text(one.block_bytes)},
                   {one.site_group == 0 ? "" : "slow"},
                   {seconds_text(one.mean_idle_s)},
                   {seconds_text(one.bill_paid_s)},
                   {over_text(one.bill_paid_s, one.bill_best_fixed_s)},
                   {text_of(one.best_fixed_arm), Style::kFaint}});
  }
  return table.render(colours);
}

// "0.034 %" of the process's CPU.
std::string share_text(double seconds, double of_s) {
  return of_s > 0 ? fmt::format("{:.3f} %", 100 * seconds / of_s) : "-";
}

std::string bill_text(const hak_stats& stats) {
  if (!(stats.bill_1s_s > 0)) return "bill: no reuse has been scored yet\n";
  const double saved = stats.bill_1s_s - stats.bill_paid_s;
  return fmt::format(
      "bill so far: {}; the best single arm, {}: {}; giving back after 1 s: {} ({} {})\n",
      seconds_text(stats.bill_paid_s), text_of(stats.best_fixed_arm),
      seconds_text(stats.bill_best_fixed_s), seconds_text(stats.bill_1s_s),
      saved < 0 ? "lost" : "saved", seconds_text(std::abs(saved)));
}

}  // namespace

std::string depth_text(const hak_stats_context& context) {
  if (context.last_depth == UINT32_MAX) return fmt::format("{}+", context.first_depth);
  if (context.last_depth == context.first_depth) return std::to_string(context.first_depth);
  return fmt::format("{}-{}", context.first_depth, context.last_depth);
}

std::string learning_text(const hak_stats& stats, bool colours) {
  std::string text = fmt::format(
      "large blocks: mode {}, learning {}, selector {}, price {} CPU s per GiB s\n"
      "idle blocks: {} used again, {} of them after their pages had gone ({} to fault in); {} "
      "given back\n"
      "new memory made resident before it was touched: {}\n"
      "spent: {} on learning ({}), {} of CPU on giving memory back ({}), of the process's {}\n{}",
      text_of(stats.mode), text_of(stats.learn), text_of(stats.selector), stats.price, stats.reuses,
      stats.late_reuses, bytes_text(stats.refault_bytes), stats.releases, bytes_text(stats.prefaulted_bytes),
      seconds_text(stats.learning_s), share_text(stats.learning_s, stats.process_cpu_s),
      seconds_text(stats.release_s), share_text(stats.release_s, stats.process_cpu_s),
      seconds_text(stats.process_cpu_s), bill_text(stats));
  if (stats.context_count != 0) text.append("\n").append(context_table(stats, colours));
  if (stats.contexts_seen > stats.context_count) {
    text +=
        fmt::format("and {} more with smaller bills\n", stats.contexts_seen - stats.context_count);
  }
  if (stats.site_count != 0) text.append("\n").append(site_table(stats, colours));
  if (stats.sites_seen > stats.site_count) {
    text +=
        fmt::format("and {} more sites with smaller bills\n", stats.sites_seen - stats.site_count);
  }
  return text.append("\n");
}

}  // namespace hakmem::cli
