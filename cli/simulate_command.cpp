// `hakmem simulate [TRACE...] [--generate NAME]...`: what release policies would have cost on
// traces, in virtual time.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands.hpp"
#include "thread/measure_costs.hpp"
#include "os/memory.hpp"
#include "simulate.hpp"
#include "trace_file.hpp"
#include "trace_generate.hpp"

namespace hakmem::cli {
namespace {

const std::vector<double> kPrices = {0.0125, 0.125, 1.25};

struct SimulateFlags {
  std::vector<std::string> files;
  std::vector<std::string> generate;
  std::vector<std::string> policies;
  std::vector<double> prices;
  std::string costs;
  std::uint32_t seed = 1;
  std::string write;
  bool brief = false;
  bool timeline = false;
  bool json = false;
  bool list = false;
};

std::string file_text(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw UsageError("cannot read " + file);
  return text.str();
}

std::string name_of(const std::string& file) {
  std::filesystem::path path = std::filesystem::path(file).filename();
  for (const char* ending : {".gz", ".trace"}) {
    if (path.extension() == ending) path.replace_extension();
  }
  return path.string();
}

constexpr const char* kMeasured = "measured";

// As the library measures them once a minute, here and now.
learn::CostModel measured_costs() {
  os::use_kernel_memory();
  return measure_costs(learn::CostModel{});
}

learn::CostModel chosen_costs(const std::string& from) {
  if (from.empty()) return {};
  return from == kMeasured ? measured_costs() : parse_costs(file_text(from));
}

void print_list_json() {
  nlohmann::json list = nlohmann::json::array();
  for (const GeneratedTrace& one : generated_traces()) {
    list.push_back({{"name", one.name}, {"what", one.what}, {"keeps_pauses", one.keeps_pauses}});
  }
  fmt::print("{}\n", list.dump(1));
}

void print_list() {
  for (const GeneratedTrace& one : generated_traces())
    fmt::print("{:<12} {}\n", one.name, one.what);
}

// The generated traces asked for; all of them when nothing is asked for.
std::vector<std::string> chosen_generators(const SimulateFlags& flags) {
  if (!flags.generate.empty() || !flags.files.empty()) return flags.generate;
  std::vector<std::string> names;
  for (const GeneratedTrace& one : generated_traces()) names.push_back(one.name);
  return names;
}

void check_policies(const std::vector<std::string>& policies) {
  for (const std::string& policy : policies) {
    if (is_policy(policy)) continue;
    throw UsageError("policy " + policy + " is unknown; allowed: " + policy_names());
  }
}

void simulate_prices(const std::string& trace, const LargeHistory& history, const SimulateFlags& flags,
                     Pricing pricing, std::vector<Simulation>& into) {
  const auto& policies = flags.policies.empty() ? default_policies() : flags.policies;
  for (const double price : flags.prices.empty() ? kPrices : flags.prices) {
    pricing.price = price;
    into.push_back(simulate(trace, history, pricing, policies));
  }
}

// Traces are made or read one at a time: they may be large.
std::vector<Simulation> simulate_all(const SimulateFlags& flags, const Pricing& pricing) {
  std::vector<Simulation> simulations;
  for (const std::string& file : flags.files) {
    const LargeHistory history = large_history_of(read_trace(file));
    simulate_prices(name_of(file), history, flags, pricing, simulations);
  }
  for (const std::string& name : chosen_generators(flags)) {
    const LargeHistory history = large_history_of(generate_trace(name, flags.seed, flags.brief));
    simulate_prices(name, history, flags, pricing, simulations);
  }
  return simulations;
}

void write_generated(const SimulateFlags& flags) {
  if (flags.generate.size() != 1) throw UsageError("--write takes one --generate NAME");
  write_trace(flags.write, generate_trace(flags.generate[0], flags.seed, flags.brief));
}

int run(const SimulateFlags& flags) {
  if (flags.list) {
    flags.json ? print_list_json() : print_list();
    return 0;
  }
  if (!flags.write.empty()) {
    write_generated(flags);
    return 0;
  }
  check_policies(flags.policies);
  Pricing pricing;
  pricing.seed = flags.seed;
  pricing.costs = chosen_costs(flags.costs);
  const std::vector<Simulation> simulations = simulate_all(flags, pricing);
  if (flags.json || flags.timeline) {
    fmt::print("{}\n", simulations_json(simulations, pricing, flags.timeline).dump(1));
    return 0;
  }
  fmt::print("{}", simulation_table(simulations, ::isatty(STDOUT_FILENO) == 1));
  fmt::print("\nBill (CPU seconds + price x GiB-seconds idle) over the best fixed arm's.\n");
  return 0;
}

void add_flags(CLI::App& app, SimulateFlags& flags) {
  app.add_option("traces", flags.files, "traces that hakmem record has written")
      ->type_name("TRACE");
  app.add_option("--generate", flags.generate, "a generated trace (without any trace: all of them)")
      ->type_name("NAME")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--policy", flags.policies, "a column of the table (see below)")
      ->type_name("POLICY")
      ->allow_extra_args(false);
  app.add_option("--price", flags.prices,
                 "CPU seconds that a GiB held for a second may cost (default 0.0125,0.125,1.25)")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("X")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--costs", flags.costs,
                 "cost constants: JSON, in seconds, or measured (here and now; --json shows them)")
      ->type_name("FILE|measured");
  app.add_option("--seed", flags.seed, "of generators and selectors (default 1)")->type_name("N");
  app.add_flag("--brief", flags.brief,
               "generate some 8 seconds with shorter pauses (long-pause: a minute), for replay");
  app.add_option("--write", flags.write,
                 "write the generated trace to this file, and simulate nothing")
      ->type_name("FILE");
  app.add_flag("--list", flags.list, "list the traces that can be generated; with --json as JSON");
  app.add_flag("--json", flags.json, "print JSON, with every figure");
  app.add_flag("--timeline", flags.timeline, "the same, with the bill so far at 200 moments");
}

}  // namespace

Command add_simulate_command(CLI::App& app) {
  CLI::App* simulate_app =
      app.add_subcommand("simulate", "Show what release policies would have cost on traces");
  set_usage(*simulate_app, "hakmem simulate [OPTIONS] [TRACE...]");
  simulate_app->footer("Policies: " + policy_names());
  const auto flags = std::make_shared<SimulateFlags>();
  add_flags(*simulate_app, *flags);
  return {simulate_app, [flags](const Program&) { return run(*flags); }};
}

}  // namespace hakmem::cli
