// See profile_report.hpp.
#include "profile_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "learn/profile_file.hpp"
#include "os/whole_file.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

using nlohmann::json;

template <class Visit>
void for_each_context(const Visit& visit) {
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    for (unsigned d = 0; d < learn::kDepths; ++d) {
      for (unsigned g = 0; g < learn::kGroups; ++g) visit(learn::Context{c, d, g});
    }
  }
}

std::uint64_t blocks_in(const learn::IdleSum (&sums)[learn::kBins]) {
  std::uint64_t blocks = 0;
  for (const learn::IdleSum& sum : sums) blocks += sum.blocks;
  return blocks;
}

// Mean of the bin that the middle block is in.
double median_s(const learn::Evidence& evidence) {
  const std::uint64_t all = learn::blocks_of(evidence);
  std::uint64_t seen = 0;
  for (unsigned i = 0; i < learn::kBins; ++i) {
    learn::IdleSum all_here = evidence.reused[i];
    all_here.add(evidence.unwatched[i]);
    all_here.add(evidence.left[i]);
    seen += all_here.blocks;
    if (2 * seen >= all && all_here.blocks != 0) {
      return static_cast<double>(all_here.total_us) * 1e-6 / static_cast<double>(all_here.blocks);
    }
  }
  return 0;
}

std::string arm_name(const learn::Evidence& evidence, unsigned size_class, double price) {
  if (learn::blocks_of(evidence) == 0) return "-";
  learn::Bills bills;
  const std::size_t bytes = learn::large_class_bytes(size_class);
  learn::evidence_bills(learn::costs_of({}, price, bytes), evidence, bills);
  return learn::kArm[std::min_element(bills.begin(), bills.end()) - bills.begin()].name;
}

std::string size_text(unsigned size_class) {
  const std::size_t bytes = learn::large_class_bytes(size_class);
  return bytes < kMiB ? fmt::format("{}K", bytes / kKiB)
                      : fmt::format("{:g}M", static_cast<double>(bytes) / kMiB);
}

std::string positions_text(unsigned depth) {
  const std::size_t first = depth == 0 ? 0 : learn::positions_at(depth);
  if (depth + 1 == learn::kDepths) return fmt::format("{}+", first);
  const std::size_t last = first + learn::positions_at(depth) - 1;
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

std::string build_id_text(const learn::ProfileModule& module) {
  std::string text;
  for (std::size_t i = 0; i < module.build_id_bytes; ++i) {
    text += fmt::format("{:02x}", module.build_id[i]);
  }
  return text;
}

double mean_s(const learn::ProfileSite& site) {
  const double log2_us =
      static_cast<double>(site.log2_sum) / 256 / static_cast<double>(site.blocks);
  return std::exp2(log2_us) * 1e-6;
}

// A site or a growth.
template <class Entry>
std::string place_text(const learn::Profile& profile, const Entry& entry) {
  return fmt::format("{}+{:#x}", profile.modules[entry.module].name, entry.offset);
}

std::string site_table(const learn::Profile& profile, bool colours) {
  Table table({{"site", Align::kLeft},
               {"size", Align::kRight},
               {"reused", Align::kRight},
               {"mean idle s", Align::kRight}});
  for (std::size_t i = 0; i < profile.site_count; ++i) {
    const learn::ProfileSite& site = profile.sites[i];
    table.add_row({{place_text(profile, site)},
                   {size_text(site.size_class)},
                   {fmt::format("{}", site.blocks)},
                   {three_digits(mean_s(site))}});
  }
  return table.render(colours);
}

std::string growth_table(const learn::Profile& profile, bool colours) {
  Table table(
      {{"realloc at", Align::kLeft}, {"grown to", Align::kRight}, {"times", Align::kRight}});
  for (std::size_t i = 0; i < profile.growth_count; ++i) {
    const learn::ProfileGrowth& growth = profile.growths[i];
    table.add_row({{place_text(profile, growth)},
                   {size_text(growth.size_class)},
                   {fmt::format("{}", growth.steps)}});
  }
  return table.render(colours);
}

// By place and class: how often in A, how often in B.
using GrowthPairs =
    std::map<std::pair<std::string, unsigned>, std::pair<std::uint64_t, std::uint64_t>>;

std::string growth_diff(const learn::Profile& a, const learn::Profile& b, bool colours) {
  GrowthPairs pairs;
  for (std::size_t i = 0; i < a.growth_count; ++i) {
    pairs[{place_text(a, a.growths[i]), a.growths[i].size_class}].first += a.growths[i].steps;
  }
  for (std::size_t i = 0; i < b.growth_count; ++i) {
    pairs[{place_text(b, b.growths[i]), b.growths[i].size_class}].second += b.growths[i].steps;
  }
  Table table({{"realloc at", Align::kLeft},
               {"grown to", Align::kRight},
               {"times A", Align::kRight},
               {"times B", Align::kRight}});
  bool differs = false;
  for (const auto& [key, times] : pairs) {
    if (times.first == times.second) continue;
    differs = true;
    table.add_row({{key.first},
                   {size_text(key.second)},
                   {fmt::format("{}", times.first)},
                   {fmt::format("{}", times.second)}});
  }
  return differs ? table.render(colours) : "";
}

json place_json(const learn::Profile& profile, std::uint32_t module, std::uint64_t offset) {
  return {{"module", profile.modules[module].name},
          {"build_id", build_id_text(profile.modules[module])},
          {"offset", offset}};
}

std::string line_of(const json& line) {
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

void add_lines(std::string& lines, const learn::Context& context, const char* end,
               const learn::IdleSum (&sums)[learn::kBins]) {
  for (unsigned i = 0; i < learn::kBins; ++i) {
    if (sums[i].blocks == 0) continue;
    const json line = {{"kind", "idle"},
                       {"bytes", learn::large_class_bytes(context.size_class)},
                       {"depth", context.depth},
                       {"group", context.group},
                       {"end", end},
                       {"from_us", learn::bin_from_us(i)},
                       {"blocks", sums[i].blocks},
                       {"total_us", sums[i].total_us}};
    lines += line.dump() + "\n";
  }
}

}  // namespace

ProfilePointer read_profile(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw ProfileError(fmt::format("cannot read {}", file.string()));
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto profile = std::make_unique<learn::Profile>();
  const auto* start = reinterpret_cast<const std::byte*>(bytes.data());
  if (const char* wrong = learn::decode_profile(start, bytes.size(), *profile)) {
    throw ProfileError(fmt::format("{} is refused: {}", file.string(), wrong));
  }
  return profile;
}

void write_profile(const learn::Profile& profile, const std::filesystem::path& file) {
  std::vector<std::byte> bytes(learn::kMaxProfileBytes);
  const std::size_t count = learn::encode_profile(profile, bytes.data());
  if (os::replace_file(file.c_str(), bytes.data(), count)) return;
  throw ProfileError(fmt::format("cannot write {}", file.string()));
}

std::string profile_text(const learn::Profile& profile, double price, bool colours) {
  Table table({{"size", Align::kRight},
               {"depth", Align::kRight},
               {"group", Align::kRight},
               {"reused", Align::kRight},
               {"unwatched", Align::kRight},
               {"left", Align::kRight},
               {"median idle s", Align::kRight},
               {"best arm", Align::kLeft}});
  for_each_context([&](const learn::Context& context) {
    const learn::Evidence& evidence = profile.of(context);
    if (learn::blocks_of(evidence) == 0) return;
    table.add_row({{size_text(context.size_class)},
                   {positions_text(context.depth)},
                   {fmt::format("{}", context.group)},
                   {fmt::format("{}", blocks_in(evidence.reused))},
                   {fmt::format("{}", blocks_in(evidence.unwatched))},
                   {fmt::format("{}", blocks_in(evidence.left))},
                   {three_digits(median_s(evidence))},
                   {arm_name(evidence, context.size_class, price), Style::kStrong}});
  });
  std::string text = table.render(colours);
  if (profile.site_count != 0) text.append(1, '\n').append(site_table(profile, colours));
  if (profile.growth_count != 0) text.append(1, '\n').append(growth_table(profile, colours));
  return text;
}

std::string profile_diff(const learn::Profile& a, const learn::Profile& b, double price,
                         bool colours) {
  Table table({{"size", Align::kRight},
               {"depth", Align::kRight},
               {"group", Align::kRight},
               {"blocks A", Align::kRight},
               {"blocks B", Align::kRight},
               {"arm A", Align::kLeft},
               {"arm B", Align::kLeft}});
  bool differs = false;
  for_each_context([&](const learn::Context& context) {
    const learn::Evidence& of_a = a.of(context);
    const learn::Evidence& of_b = b.of(context);
    if (of_a == of_b) return;
    differs = true;
    const std::string arm_a = arm_name(of_a, context.size_class, price);
    const std::string arm_b = arm_name(of_b, context.size_class, price);
    table.add_row({{size_text(context.size_class)},
                   {positions_text(context.depth)},
                   {fmt::format("{}", context.group)},
                   {fmt::format("{}", learn::blocks_of(of_a))},
                   {fmt::format("{}", learn::blocks_of(of_b))},
                   {arm_a},
                   {arm_b, arm_a == arm_b ? Style::kPlain : Style::kStrong}});
  });
  std::string text = differs ? table.render(colours) : "";
  const std::string growths = growth_diff(a, b, colours);
  if (!text.empty() && !growths.empty()) text += '\n';
  return text += growths;
}

std::string profile_ndjson(const learn::Profile& profile) {
  std::string lines;
  for_each_context([&](const learn::Context& context) {
    add_lines(lines, context, "reused", profile.of(context).reused);
    add_lines(lines, context, "unwatched", profile.of(context).unwatched);
    add_lines(lines, context, "left", profile.of(context).left);
  });
  for (std::size_t i = 0; i < profile.site_count; ++i) {
    const learn::ProfileSite& site = profile.sites[i];
    json line = place_json(profile, site.module, site.offset);
    line["kind"] = "site";
    line["bytes"] = learn::large_class_bytes(site.size_class);
    line["blocks"] = site.blocks;
    line["log2_us_sum"] = static_cast<double>(site.log2_sum) / 256;
    lines += line_of(line);
  }
  for (std::size_t i = 0; i < profile.growth_count; ++i) {
    const learn::ProfileGrowth& growth = profile.growths[i];
    json line = place_json(profile, growth.module, growth.offset);
    line["kind"] = "growth";
    line["bytes"] = learn::large_class_bytes(growth.size_class);
    line["steps"] = growth.steps;
    lines += line_of(line);
  }
  return lines;
}

}  // namespace hakmem::cli
