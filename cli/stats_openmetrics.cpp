// See stats_openmetrics.hpp.
#include "stats_openmetrics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "stats_figures.hpp"

namespace hakmem::cli {
namespace {

// Writes families of metrics, each with its samples after it.
class Metrics {
 public:
  // `name` without hakmem_; a name that ends in a unit has that unit.
  void gauge(const std::string& name, std::string_view help) { family(name, "gauge", help); }
  void counter(const std::string& name, std::string_view help) { family(name, "counter", help); }

  template <typename Number>
  void sample(const std::string& labels, Number value) {
    fmt::format_to(std::back_inserter(text_), "{}{}{} {}\n", name_, is_counter_ ? "_total" : "",
                   labels.empty() ? "" : "{" + labels + "}", number(value));
  }

  std::string end() { return text_ + "# EOF\n"; }

 private:
  void family(const std::string& name, std::string_view type, std::string_view help) {
    name_ = "hakmem_" + name;
    is_counter_ = type == "counter";
    auto out = std::back_inserter(text_);
    fmt::format_to(out, "# TYPE {} {}\n", name_, type);
    for (const std::string_view unit : {"bytes", "seconds"}) {
      if (name_.ends_with(unit)) fmt::format_to(out, "# UNIT {} {}\n", name_, unit);
    }
    fmt::format_to(out, "# HELP {} {}.\n", name_, help);
  }

  static std::string number(std::uint64_t value) { return std::to_string(value); }
  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
  }

  std::string name_;
  bool is_counter_ = false;
  std::string text_;
};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result;
}

std::string label(std::string_view name, const std::string& value) {
  return fmt::format("{}=\"{}\"", name, escaped(value));
}

void add_kinds(Metrics& metrics, const std::string& name, std::string_view help,
               std::span<const Figure> figures, const hak_stats& stats) {
  metrics.gauge(name, help);
  for (const Figure& figure : figures)
    metrics.sample(label("kind", figure.kind), stats.*figure.value);
}

void add_bytes(Metrics& metrics, const hak_stats& stats) {
  add_kinds(metrics, "in_use_bytes", "Blocks that the program has", kInUse, stats);
  add_kinds(metrics, "held_bytes", "Held beyond what the program has", kHeld, stats);
  add_kinds(metrics, "huge_units", "2 MiB of address space that may have huge pages, in use",
            kHugeUnits, stats);
  for (const std::span<const Figure> figures :
       {std::span<const Figure>(kOther), std::span<const Figure>(kLimits),
        std::span<const Figure>(kSpares), std::span<const Figure>(kHugeBytes)}) {
    for (const Figure& figure : figures) {
      metrics.gauge(figure.name, figure.title);
      metrics.sample("", stats.*figure.value);
    }
  }
}

void add_counters(Metrics& metrics, const hak_stats& stats) {
  metrics.counter(kPurged.name, kPurged.title);
  metrics.sample("", stats.*kPurged.value);
  for (const Figure& figure : kCounts) {
    metrics.counter(figure.name, figure.title);
    metrics.sample("", stats.*figure.value);
  }
  for (const Figure& figure : kAllowances) {
    metrics.counter(figure.name, figure.title);
    metrics.sample("", stats.*figure.value);
  }
  for (const Seconds& seconds : kSeconds) {
    const std::string name = seconds.name;
    metrics.counter(name.substr(0, name.size() - 2) + "_seconds", seconds.title);
    metrics.sample("", stats.*seconds.value);
  }
}

void add_single(Metrics& metrics, const std::string& name, std::string_view help, double value) {
  metrics.gauge(name, help);
  metrics.sample("", value);
}

void add_settings(Metrics& metrics, const hak_stats& stats) {
  metrics.gauge("settings_info", "What is in force, and in which process");
  metrics.sample(label("pid", std::to_string(stats.process_id)) + "," +
                     label("mode", text_of(stats.mode)) + "," +
                     label("learn", text_of(stats.learn)) + "," +
                     label("selector", text_of(stats.selector)) + "," +
                     label("huge_pages", huge_pages_text(stats)),
                 std::uint64_t{1});
  add_single(metrics, "price", "CPU seconds that one GiB held for one second may cost",
             stats.price);
  add_single(metrics, "purge_delay_seconds", "How long free runs stay resident",
             stats.purge_delay_ms * 1e-3);
  add_single(metrics, "live_heaps", "Heaps of threads and users", stats.live_heaps);
  add_single(metrics, "parked_heaps", "Heaps of exited threads, warm for the next",
             stats.parked_heaps);
  add_single(metrics, "split_classes", "Classes of large blocks that are told apart by call site",
             stats.split_classes);
  add_single(metrics, "stall_percent", "Time that the cgroup waits for memory",
             stats.stall_percent);
  add_single(metrics, "background_thread", "Whether the background thread runs", stats.background);
  metrics.gauge("blocks", "Large blocks that the program has");
  metrics.sample(label("kind", "large"), stats.large_blocks);
  metrics.sample(label("kind", "huge"), stats.huge_blocks);
}

void add_costs(Metrics& metrics, const hak_stats& stats) {
  metrics.gauge("cost_seconds", "What the learner reckons with: a call, a page, a huge page");
  for (const Cost& cost : kCosts) {
    const std::string name = cost.name;
    if (name.ends_with("_s"))
      metrics.sample(label("of", name.substr(0, name.size() - 2)), stats.costs.*cost.value);
  }
  add_single(metrics, "lazy_share", "What a lazily freed byte costs of a resident one",
             stats.costs.lazy_share);
}

void add_classes(Metrics& metrics, const hak_stats& stats) {
  const auto add = [&](const std::string& name, std::string_view help, auto member) {
    metrics.gauge(name, help);
    for (const hak_stats_class& one : classes_of(stats)) {
      if (one.slabs != 0) {
        metrics.sample(label("block_bytes", std::to_string(one.block_size)),
                       std::uint64_t{one.*member});
      }
    }
  };
  add("class_slabs", "Slabs of a class of small blocks", &hak_stats_class::slabs);
  add("class_blocks", "Blocks in those slabs", &hak_stats_class::blocks);
  add("class_free_blocks", "Blocks free in those slabs", &hak_stats_class::free_blocks);
}

// What tells contexts apart.
std::string labels_of(const hak_stats_context& context) {
  return label("block_bytes", std::to_string(context.block_bytes)) + "," +
         label("depth", depth_text(context)) + "," +
         label("sites", std::to_string(context.site_group));
}

void add_contexts(Metrics& metrics, const hak_stats& stats) {
  const auto add = [&](auto member) {
    for (const hak_stats_context& one : contexts_of(stats))
      metrics.sample(labels_of(one), one.*member);
  };
  metrics.gauge("context_idle_bytes", "Idle blocks of a context, resident");
  add(&hak_stats_context::idle_bytes);
  metrics.gauge("context_lazy_bytes", "Idle blocks of a context, lazily freed");
  add(&hak_stats_context::lazy_bytes);
  metrics.counter("context_reuses", "Idle blocks of a context that were used again");
  add(&hak_stats_context::reuses);
  metrics.counter("context_bill_seconds", "Bill of the learner's arms");
  add(&hak_stats_context::bill_paid_s);
  metrics.counter("context_best_fixed_bill_seconds",
                  "Bill of the arm that would have been best throughout");
  add(&hak_stats_context::bill_best_fixed_s);
  metrics.gauge("context_arm_info", "The arm in force, the learner's choice, the best throughout");
  for (const hak_stats_context& one : contexts_of(stats)) {
    metrics.sample(labels_of(one) + "," + label("arm", text_of(one.arm)) + "," +
                       label("learned_arm", text_of(one.learned_arm)) + "," +
                       label("best_fixed_arm", text_of(one.best_fixed_arm)),
                   std::uint64_t{1});
  }
}

std::string labels_of(const hak_stats_site& site) {
  return label("block_bytes", std::to_string(site.block_bytes)) + "," +
         label("module", text_of(site.module)) + "," +
         label("offset", fmt::format("{:#x}", site.offset));
}

void add_sites(Metrics& metrics, const hak_stats& stats) {
  const auto add = [&](auto member) {
    for (const hak_stats_site& one : sites_of(stats)) metrics.sample(labels_of(one), one.*member);
  };
  add_single(metrics, "call_sites", "Call sites whose large blocks were used again",
             stats.sites_seen);
  metrics.gauge("site_idle_seconds", "Geometric mean of how long a call site's blocks were idle");
  add(&hak_stats_site::mean_idle_s);
  metrics.counter("site_bill_seconds", "Bill of the learner's arms");
  add(&hak_stats_site::bill_paid_s);
  metrics.counter("site_best_fixed_bill_seconds",
                  "Bill of the arm that would have been best throughout");
  add(&hak_stats_site::bill_best_fixed_s);
  metrics.gauge("site_arm_info", "The best arm throughout, and the site's group as in a context");
  for (const hak_stats_site& one : sites_of(stats)) {
    metrics.sample(labels_of(one) + "," + label("sites", std::to_string(one.site_group)) + "," +
                       label("best_fixed_arm", text_of(one.best_fixed_arm)),
                   std::uint64_t{1});
  }
}

void add_knobs(Metrics& metrics, const hak_stats& stats) {
  const auto add = [&](auto value_of) {
    for (const hak_stats_knob& one : knobs_of(stats))
      metrics.sample(label("knob", text_of(one.name)), value_of(one));
  };
  add_single(metrics, "knobs_adapt", "Whether adaptive knobs move", stats.knobs_adapt);
  add_single(metrics, "knobs_settled", "Whether no trial of them tells a difference any more",
             stats.knobs_settled);
  add_single(metrics, "cold_classes", "Classes whose threshold for bundles is below a magazine",
             stats.cold_classes);
  metrics.counter("knob_changes", "Levels of knobs changed, trials included");
  metrics.sample("", std::uint64_t{stats.knob_changes});
  metrics.counter("bundle_changes", "Bundle thresholds changed");
  metrics.sample("", std::uint64_t{stats.bundle_changes});
  metrics.gauge("knob_value", "A knob in force: bytes, slabs, or what the heap is divided by");
  add([](const hak_stats_knob& one) { return one.value; });
  metrics.gauge("knob_static_value", "Where it started");
  add([](const hak_stats_knob& one) { return one.static_value; });
  metrics.counter("knob_kept", "Trials that moved it for good");
  add([](const hak_stats_knob& one) { return std::uint64_t{one.kept}; });
  metrics.gauge("knob_last_change_ratio", "What its last trial that ended changed of the bill");
  add([](const hak_stats_knob& one) { return one.per_mille * 1e-3; });
  metrics.gauge("knob_trial_info", "How its last trial ended");
  for (const hak_stats_knob& one : knobs_of(stats)) {
    metrics.sample(
        label("knob", text_of(one.name)) + "," + label("last_trial", text_of(one.last_trial)),
        std::uint64_t{1});
  }
}

}  // namespace

std::string stats_openmetrics(const hak_stats& stats) {
  Metrics metrics;
  add_settings(metrics, stats);
  add_bytes(metrics, stats);
  add_counters(metrics, stats);
  add_costs(metrics, stats);
  add_classes(metrics, stats);
  add_contexts(metrics, stats);
  add_sites(metrics, stats);
  add_knobs(metrics, stats);
  return metrics.end();
}

}  // namespace hakmem::cli
