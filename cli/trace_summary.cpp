// See trace_summary.hpp.
#include "trace_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <unordered_map>

#include "stats_report.hpp"
#include "table.hpp"

namespace hakmem::cli {
namespace {

constexpr std::size_t kTopSites = 12;

// What was allocated in one range of sizes, or from one site.
struct Group {
  std::uint64_t allocations = 0;
  std::uint64_t resizes = 0;
  std::uint64_t bytes = 0;  // asked for, by both
  std::uint64_t kept = 0;   // never freed
  std::vector<std::uint64_t> lives_ns;
};

struct Living {
  std::uint64_t since_ns;
  std::uint64_t size;
  std::uint64_t first_size;
  std::uint32_t site;
};

// 0: below 1 KiB; then a factor of 4 up to 64 KiB; from there each power of two is a row.
unsigned size_row(std::uint64_t size) {
  const auto bits = static_cast<unsigned>(std::bit_width(size));
  if (bits <= 10) return 0;
  return bits <= 16 ? (bits + 1) / 2 * 2 : bits;  // the rows' upper ends, as powers of two
}

std::string size_row_text(unsigned row) {
  if (row == 0) return "below 1 KiB";
  return fmt::format("{} to {}", bytes_text(std::uint64_t{1} << (row <= 16 ? row - 2 : row - 1)),
                     bytes_text(std::uint64_t{1} << row));
}

// One pass over the events.
class Summary {
 public:
  explicit Summary(const Trace& trace) : trace_(trace), by_site_(trace.sites.size()) {
    for (const Event& event : trace.events) {
      threads_ = std::max(threads_, event.thread + 1);
      if (event.op == Op::kAllocate) allocate(event);
      if (event.op == Op::kFree) free(event);
      if (event.op == Op::kResize) resize(event);
    }
    for (const auto& [block, living] : living_) {
      ++by_size_[size_row(living.first_size)].kept;
      ++by_site_[living.site].kept;
    }
  }

  std::string head() const;
  std::string size_table(bool colours);
  std::string site_table(bool colours);

 private:
  void allocate(const Event& event) {
    ++allocations_;
    living_[event.block] = {event.time_ns, event.size, event.size, event.site};
    for (Group* group : {&by_size_[size_row(event.size)], &by_site_[event.site]}) {
      ++group->allocations;
      group->bytes += event.size;
    }
    use(event.size, event.time_ns);
  }

  void resize(const Event& event) {
    ++resizes_;
    Living& living = living_[event.block];
    for (Group* group : {&by_size_[size_row(event.size)], &by_site_[event.site]}) {
      ++group->resizes;
      group->bytes += event.size;
    }
    use(event.size - living.size, event.time_ns);
    living.size = event.size;
  }

  void free(const Event& event) {
    ++frees_;
    const auto found = living_.find(event.block);
    if (found == living_.end()) return;
    const Living& living = found->second;
    const std::uint64_t life_ns = event.time_ns - living.since_ns;
    by_size_[size_row(living.first_size)].lives_ns.push_back(life_ns);
    by_site_[living.site].lives_ns.push_back(life_ns);
    in_use_ -= living.size;
    living_.erase(found);
  }

  void use(std::uint64_t bytes, std::uint64_t time_ns) {
    in_use_ += bytes;
    if (in_use_ <= peak_) return;
    peak_ = in_use_;
    peak_ns_ = time_ns;
  }

  const Trace& trace_;
  std::map<unsigned, Group> by_size_;
  std::vector<Group> by_site_;
  std::unordered_map<std::uint64_t, Living> living_;
  std::uint64_t allocations_ = 0, frees_ = 0, resizes_ = 0;
  std::uint64_t in_use_ = 0, peak_ = 0, peak_ns_ = 0;
  std::uint32_t threads_ = 0;
};

// "-" when no block of the group was freed.
std::string life_text(std::vector<std::uint64_t>& lives_ns, double share) {
  if (lives_ns.empty()) return "-";
  const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(lives_ns.size() - 1));
  std::nth_element(lives_ns.begin(), lives_ns.begin() + place, lives_ns.end());
  return time_text(lives_ns[static_cast<std::size_t>(place)]);
}

std::vector<Cell> row_of(const std::string& name, Group& group) {
  return {{name},
          {std::to_string(group.allocations)},
          {std::to_string(group.resizes)},
          {bytes_text(group.bytes)},
          {life_text(group.lives_ns, 0.1)},
          {life_text(group.lives_ns, 0.5)},
          {life_text(group.lives_ns, 0.9)},
          {std::to_string(group.kept)}};
}

Table table_by(const std::string& what) {
  return Table({{what, Align::kLeft},
                {"allocations", Align::kRight},
                {"resizes", Align::kRight},
                {"bytes", Align::kRight},
                {"life, 10 %", Align::kRight},
                {"50 %", Align::kRight},
                {"90 %", Align::kRight},
                {"kept", Align::kRight}});
}

std::string Summary::head() const {
  return fmt::format(
      "{} events in {} by {} thread{}: {} allocations, {} frees, {} resizes\n"
      "{} lost{}\n"
      "in use: at most {}, at {}; {} in {} blocks at the end\n",
      trace_.events.size(), time_text(trace_.end_ns), threads_, threads_ == 1 ? "" : "s",
      allocations_, frees_, resizes_, trace_.lost,
      trace_.truncated ? "; the file ends early, and so does what is shown" : "", bytes_text(peak_),
      time_text(peak_ns_), bytes_text(in_use_), living_.size());
}

std::string Summary::size_table(bool colours) {
  Table table = table_by("size");
  for (auto& [row, group] : by_size_) table.add_row(row_of(size_row_text(row), group));
  return table.render(colours);
}

std::string Summary::site_table(bool colours) {
  std::vector<std::size_t> order;
  for (std::size_t site = 0; site < by_site_.size(); ++site) {
    if (by_site_[site].bytes > 0) order.push_back(site);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return by_site_[a].bytes != by_site_[b].bytes ? by_site_[a].bytes > by_site_[b].bytes : a < b;
  });
  const std::size_t shown = std::min(order.size(), kTopSites);
  Table table = table_by(fmt::format("site ({} of {})", shown, order.size()));
  for (std::size_t i = 0; i < shown; ++i) {
    table.add_row(row_of(trace_.sites[order[i]], by_site_[order[i]]));
  }
  return table.render(colours);
}

}  // namespace

std::string time_text(std::uint64_t ns) {
  constexpr std::array kUnits = {"us", "ms", "s"};
  if (ns < 1000) return fmt::format("{} ns", ns);
  if (ns >= 120'000'000'000) return fmt::format("{:.1f} min", static_cast<double>(ns) / 60e9);
  double value = static_cast<double>(ns) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string trace_text(const Trace& trace, bool colours) {
  Summary summary(trace);
  return fmt::format("{}\n{}\n{}", summary.head(), summary.size_table(colours),
                     summary.site_table(colours));
}

}  // namespace hakmem::cli
