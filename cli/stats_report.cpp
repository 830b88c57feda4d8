// See stats_report.hpp.
#include "stats_report.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "table.hpp"

namespace hakmem::cli {
namespace {

struct Figure {
  const char* name;   // in JSON, as in the record
  const char* title;  // in text
  std::uint64_t hak_stats::*bytes;
};

constexpr Figure kInUse[] = {
    {"small_in_use", "blocks up to 32 KiB", &hak_stats::small_in_use},
    {"large_bytes", "blocks under 32 MiB", &hak_stats::large_bytes},
    {"huge_bytes", "blocks from 32 MiB, mappings of their own", &hak_stats::huge_bytes},
};
constexpr Figure kHeld[] = {
    {"cached_bytes", "free blocks in threads' spare magazines", &hak_stats::cached_bytes},
    {"depot_bytes", "free blocks on their way between threads", &hak_stats::depot_bytes},
    {"small_free", "free blocks in slabs", &hak_stats::small_free},
    {"idle_run_bytes", "idle blocks under 32 MiB, as they are", &hak_stats::idle_run_bytes},
    {"idle_run_lazy_bytes", "  the same, lazily freed", &hak_stats::idle_run_lazy_bytes},
    {"idle_huge_bytes", "idle blocks from 32 MiB, as they are", &hak_stats::idle_huge_bytes},
    {"idle_huge_lazy_bytes", "  the same, lazily freed", &hak_stats::idle_huge_lazy_bytes},
    {"dirty_bytes", "free runs that wait for their delay", &hak_stats::dirty_bytes},
    {"metadata_bytes", "the allocator's own records", &hak_stats::metadata_bytes},
};
constexpr Figure kOther[] = {
    {"resident_bytes", "resident, whole process", &hak_stats::resident_bytes},
    {"mapped_bytes", "address space in runs", &hak_stats::mapped_bytes},
    {"free_run_bytes", "free runs, resident or not", &hak_stats::free_run_bytes},
    {"purged_bytes", "given back to the kernel so far", &hak_stats::purged_bytes},
    {"page_map_reserved_bytes", "address space of the page map",
     &hak_stats::page_map_reserved_bytes},
};
constexpr const char* kHugePages[] = {"auto", "always", "never"};

const char* huge_pages_text(const hak_stats& stats) {
  return stats.huge_pages < std::size(kHugePages) ? kHugePages[stats.huge_pages] : "unknown";
}

std::uint64_t sum(std::span<const Figure> figures, const hak_stats& stats) {
  std::uint64_t total = 0;
  for (const Figure& figure : figures) total += stats.*figure.bytes;
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
    const std::uint64_t bytes = stats.*figure.bytes;
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
    table.add_row({{figure.title}, {bytes_text(stats.*figure.bytes)}});
  return table.render(colours);
}

std::span<const hak_stats_class> classes_of(const hak_stats& stats) {
  return std::span(stats.classes).first(stats.class_count);
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

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string stats_text(const hak_stats& stats, bool colours) {
  return fmt::format(
      "process {}, {} thread {}; purge delay {} ms, huge pages {}\n\n{}\n{}\n"
      "taken: held by the program, in threads' caches or between threads.\n"
      "What is free counts in full, resident or not.\n",
      stats.process_id, stats.live_heaps, stats.live_heaps == 1 ? "heap" : "heaps",
      stats.purge_delay_ms, huge_pages_text(stats), held_table(stats, colours),
      class_table(stats, colours));
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
      {"classes", nlohmann::json::array()},
  };
  for (const std::span<const Figure> figures :
       {std::span<const Figure>(kInUse), std::span<const Figure>(kHeld),
        std::span<const Figure>(kOther)}) {
    for (const Figure& figure : figures) result[figure.name] = stats.*figure.bytes;
  }
  for (const hak_stats_class& one : classes_of(stats)) {
    result["classes"].push_back({{"block_size", one.block_size},
                                 {"slabs", one.slabs},
                                 {"blocks", one.blocks},
                                 {"free_blocks", one.free_blocks}});
  }
  return result;
}

}  // namespace hakmem::cli
