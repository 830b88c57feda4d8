// See replay_report.hpp.
#include "replay_report.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "stats_report.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;

template <typename Value>
Spread spread_over(const ReplaySeries& series, Value value) {
  std::vector<double> values;
  for (const PlayerResult& result : series.results) values.push_back(value(result));
  return spread_of(std::move(values));
}

double average_rss(const PlayerResult& result) {
  return result.wall_seconds > 0 ? result.rss_byte_seconds / result.wall_seconds : 0;
}

Spread bill_spread(const ReplaySeries& series, double price) {
  return spread_over(series, [=](const PlayerResult& result) { return bill_of(result, price); });
}

std::string bytes_cell(double bytes) { return bytes_text(static_cast<std::uint64_t>(bytes)); }

Cell verdict_cell(const Spread& ours, const Spread& theirs, const std::string& our_name,
                  const std::string& their_name) {
  const Verdict verdict = judge(ours, theirs, Better::kLower);
  if (verdict == Verdict::kOurs) return {our_name, Style::kGood};
  if (verdict == Verdict::kTheirs) return {their_name, Style::kBad};
  return {ours.count > 1 ? "tie" : "", Style::kFaint};
}

std::vector<Cell> row_of(const Replay& replay, const ReplaySeries& series,
                         const ReplaySeries* ours) {
  const Style style = &series == ours ? Style::kStrong : Style::kPlain;
  if (!series.complete()) return {{series.allocator, style}, {series.failure, Style::kBad}};
  const Spread bill = bill_spread(series, replay.price);
  const auto median = [&](auto value) { return spread_over(series, value).median; };
  const auto peak = [](const PlayerResult& r) { return static_cast<double>(r.peak_rss_bytes); };
  const auto faults = [](const PlayerResult& r) { return static_cast<double>(r.minor_faults); };
  std::vector<Cell> row{
      {series.allocator, style},
      {three_digits(bill.median), style},
      {three_digits(bill.lowest) + ".." + three_digits(bill.highest), Style::kFaint},
      {three_digits(median([](const PlayerResult& r) { return r.cpu_seconds; })) + " s"},
      {bytes_cell(median(average_rss))},
      {bytes_cell(median(peak))},
      {fmt::format("{:.0f}", median(faults))},
  };
  if (ours == nullptr || !ours->complete()) return row;
  const Spread our_bill = bill_spread(*ours, replay.price);
  row.push_back({our_bill.median > 0 ? fmt::format("{:.2f}", bill.median / our_bill.median) : ""});
  if (&series != ours) {
    row.push_back(verdict_cell(our_bill, bill, ours->allocator, series.allocator));
  }
  return row;
}

std::string replay_legend(const Replay& replay, const std::string& baseline) {
  const PlayerResult* any = nullptr;
  for (const ReplaySeries& series : replay.series) {
    if (series.complete()) any = &series.results[0];
  }
  if (any == nullptr) return "";
  return fmt::format(
      "{} allocations, {} frees, {} resizes in {} s; {}.\n"
      "bill: CPU seconds + {} x GiB-seconds resident. Memory is what is resident above the "
      "player's\nown, read every 2 ms; xbill: relative to {}.{}\n",
      any->allocations, any->frees, any->resizes, three_digits(any->wall_seconds),
      replay.rounds > 1 ? fmt::format("medians of {} interleaved rounds", replay.rounds)
                        : "one round, which shows no spread and no winner",
      replay.price, baseline,
      any->wall_seconds < 0.1 ? "\nThis was too short for its average memory to mean much." : "");
}

nlohmann::json result_json(const PlayerResult& result, double price) {
  return {{"allocations", result.allocations},
          {"frees", result.frees},
          {"resizes", result.resizes},
          {"refused", result.refused},
          {"wall_seconds", result.wall_seconds},
          {"cpu_seconds", result.cpu_seconds},
          {"gib_seconds", result.rss_byte_seconds / kGib},
          {"peak_rss_bytes", result.peak_rss_bytes},
          {"minor_faults", result.minor_faults},
          {"bill", bill_of(result, price)}};
}

}  // namespace

double bill_of(const PlayerResult& result, double price) {
  return result.cpu_seconds + price * result.rss_byte_seconds / kGib;
}

PlayerResult parse_player_output(const std::string& output) {
  std::map<std::string, double> values;
  std::istringstream in(output);
  std::string name;
  for (double value = 0; in >> name >> value;) values[name] = value;
  const auto figure = [&](const char* wanted) {
    const auto found = values.find(wanted);
    if (found == values.end()) {
      throw std::runtime_error(fmt::format("the player printed no {}", wanted));
    }
    return found->second;
  };
  const auto count = [&](const char* wanted) { return static_cast<std::uint64_t>(figure(wanted)); };
  return {count("allocations"),       count("frees"),          count("resizes"),
          count("refused"),           figure("wall_seconds"),  figure("cpu_seconds"),
          figure("rss_byte_seconds"), count("peak_rss_bytes"), count("minor_faults")};
}

std::string replay_table(const Replay& replay, const std::string& baseline, bool colours) {
  Table table({{"allocator", Align::kLeft},
               {"bill", Align::kRight},
               {"lowest..highest", Align::kRight},
               {"CPU", Align::kRight},
               {"average RSS", Align::kRight},
               {"peak RSS", Align::kRight},
               {"faults", Align::kRight},
               {"xbill", Align::kRight},
               {"winner", Align::kLeft}});
  const ReplaySeries* ours = nullptr;
  for (const ReplaySeries& series : replay.series) {
    if (series.allocator == baseline) ours = &series;
  }
  for (const ReplaySeries& series : replay.series) table.add_row(row_of(replay, series, ours));
  return fmt::format("{}{}\n\n{}\n{}", replay.trace, replay.warning, table.render(colours),
                     replay_legend(replay, baseline));
}

nlohmann::json replay_json(const Replay& replay, const std::vector<Allocator>& allocators) {
  nlohmann::json json{{"version", 1},
                      {"trace", replay.trace},
                      {"price", replay.price},
                      {"rounds", replay.rounds},
                      {"series", nlohmann::json::array()}};
  for (std::size_t i = 0; i < replay.series.size(); ++i) {
    const ReplaySeries& series = replay.series[i];
    nlohmann::json samples = nlohmann::json::array();
    for (const PlayerResult& result : series.results) {
      samples.push_back(result_json(result, replay.price));
    }
    json["series"].push_back({{"allocator", series.allocator},
                              {"library", allocators[i].library.string()},
                              {"variables", allocators[i].variables},
                              {"failure", series.failure},
                              {"samples", std::move(samples)}});
  }
  return json;
}

}  // namespace hakmem::cli
