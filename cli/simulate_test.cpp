// Simulations: generated traces are sound and repeatable; table, JSON and cost files say what they
// should.
#include "simulate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "trace_generate.hpp"

namespace hakmem::cli {
namespace {

using testing::HasSubstr;

TEST(TraceGenerate, EveryTraceIsSound) {
  for (const GeneratedTrace& generated : generated_traces()) {
    const Trace trace = generate_trace(generated.name, 1);
    std::map<std::uint64_t, int> uses;
    std::uint64_t before_ns = 0;
    ASSERT_FALSE(trace.events.empty()) << generated.name;
    for (const Event& event : trace.events) {
      ASSERT_GE(event.time_ns, before_ns) << generated.name;
      ASSERT_LT(event.site, trace.sites.size()) << generated.name;
      before_ns = event.time_ns;
      // Allocated once, then freed once.
      ASSERT_EQ(uses[event.block]++, event.op == Op::kFree ? 1 : 0) << generated.name;
    }
    EXPECT_GE(trace.end_ns, before_ns);
  }
}

// Whoever plays one waits for it.
TEST(TraceGenerate, ABriefTraceLastsSeconds) {
  for (const GeneratedTrace& generated : generated_traces()) {
    const Trace trace = generate_trace(generated.name, 1, true);
    EXPECT_GT(trace.end_ns, generated.keeps_pauses ? 50e9 : 4e9) << generated.name;
    EXPECT_LT(trace.end_ns, generated.keeps_pauses ? 70e9 : 12e9) << generated.name;
    EXPECT_LT(trace.events.size(), generate_trace(generated.name, 1).events.size());
    EXPECT_EQ(trace.sites.size(), generate_trace(generated.name, 1).sites.size());
  }
}

// Nanoseconds between one event and the next, sorted, where they are more than a burst has.
std::vector<std::uint64_t> pauses_of(const Trace& trace) {
  std::vector<std::uint64_t> pauses;
  for (std::size_t i = 1; i < trace.events.size(); ++i) {
    const std::uint64_t pause_ns = trace.events[i].time_ns - trace.events[i - 1].time_ns;
    if (pause_ns > 50'000'000) pauses.push_back(pause_ns);
  }
  std::sort(pauses.begin(), pauses.end());
  return pauses;
}

// What it is for: real waits of many seconds, of up to 30 but no more, with any seed.
TEST(TraceGenerate, LongPausesAreLongInABriefTraceToo) {
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U, 5U}) {
    const Trace trace = generate_trace("long-pause", seed, true);
    const std::vector<std::uint64_t> pauses = pauses_of(trace);
    ASSERT_GE(pauses.size(), 8U);
    EXPECT_GT(pauses.back(), 17'000'000'000) << seed;
    EXPECT_LT(pauses.back(), 30'100'000'000) << seed;
    EXPECT_LT(pauses.front(), 200'000'000) << seed;
    EXPECT_GT(trace.end_ns, 50e9) << seed;
    EXPECT_LT(trace.end_ns, 70e9) << seed;
  }
}

TEST(TraceGenerate, TheSeedDecides) {
  const Trace one = generate_trace("vectors", 1);
  const Trace same = generate_trace("vectors", 1);
  const Trace other = generate_trace("vectors", 2);
  ASSERT_EQ(one.events.size(), same.events.size());
  EXPECT_EQ(one.end_ns, same.end_ns);
  EXPECT_NE(one.end_ns, other.end_ns);
  EXPECT_THROW(generate_trace("nothing", 1), std::invalid_argument);
}

Simulation simulation_of(const std::string& trace) {
  return simulate(trace, large_history_of(generate_trace(trace, 1)), {}, {"best", "fixed:keep"});
}

TEST(Simulation, RatiosAreAgainstTheBestFixedArm) {
  const Simulation simulation = simulation_of("spikes");
  EXPECT_NEAR(simulation.ratio(simulation.outcomes[0]), 1, 1e-6);
  EXPECT_GT(simulation.ratio(simulation.outcomes[1]), 1);
  EXPECT_EQ(simulation.best_arm, "1s");
}

TEST(Simulation, TheTableHasARowForEachAndASummary) {
  const std::vector<Simulation> simulations = {simulation_of("spikes"), simulation_of("drift")};
  const std::string table = simulation_table(simulations, false);
  EXPECT_THAT(table, HasSubstr("best  keep"));
  EXPECT_THAT(table, HasSubstr("\nspikes"));
  EXPECT_THAT(table, HasSubstr("\ndrift"));
  EXPECT_THAT(table, HasSubstr("\ngeometric mean"));
  EXPECT_THAT(table, HasSubstr("\nworst"));
}

TEST(Simulation, TheDefaultTableFitsATerminal) {
  const LargeHistory history = large_history_of(generate_trace("vectors", 1));
  const std::vector<Simulation> simulations = {
      simulate("vectors", history, {}, default_policies())};
  std::istringstream lines(simulation_table(simulations, false));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
}

TEST(Simulation, ATraceWithoutIdleBlocksHasNoRatio) {
  Trace trace;
  trace.end_ns = 1;
  const Simulation simulation = simulate("quiet", large_history_of(trace), {}, {"hindsight"});
  const std::string table = simulation_table(std::vector<Simulation>{simulation}, false);
  EXPECT_THAT(table, HasSubstr("-"));
  EXPECT_THAT(table, testing::Not(HasSubstr("nan")));
}

TEST(Simulation, JsonHasEveryFigure) {
  const std::vector<Simulation> simulations = {simulation_of("spikes")};
  const nlohmann::json json = simulations_json(simulations, {});
  const nlohmann::json& row = json["simulations"][0];
  EXPECT_EQ(row["trace"], "spikes");
  EXPECT_EQ(row["best_fixed_arm"], "1s");
  EXPECT_EQ(row["outcomes"].size(), 2u);
  EXPECT_EQ(row["outcomes"][1]["policy"], "fixed:keep");
  EXPECT_GT(row["outcomes"][1]["regret_s"].get<double>(), 0);
  EXPECT_GE(row["outcomes"][1]["peak_held_bytes"].get<double>(),
            row["live_peak_bytes"].get<double>());
  EXPECT_GE(row["bound"]["faults"].get<double>() * 4096, row["live_peak_bytes"].get<double>());
  EXPECT_LE(row["bound"]["live_gib_s"].get<double>(), row["live_gib_s"].get<double>());
  EXPECT_GT(row["bound"]["idle_gib_s"].get<double>(), 0);
}

// All that is billed is billed at some moment, under every kind of policy.
TEST(Simulation, ATimelineEndsAtTheBill) {
  const std::vector<std::string> policies = {"best", "hindsight", "low-water", "glibc",
                                             "fixed:free:0,1s"};
  const std::vector<Simulation> simulations = {
      simulate("spikes", large_history_of(generate_trace("spikes", 1)), {}, policies)};
  const nlohmann::json json = simulations_json(simulations, {}, true);
  for (const nlohmann::json& one : json["simulations"][0]["outcomes"]) {
    const auto bills = one["bill_s_so_far"].get<std::vector<double>>();
    ASSERT_EQ(bills.size(), kParts);
    EXPECT_TRUE(std::is_sorted(bills.begin(), bills.end()));
    EXPECT_NEAR(bills.back(), one["bill_s"].get<double>(), 1e-6) << one["policy"];
    EXPECT_LT(bills[kParts / 2], 0.7 * bills.back());
    EXPECT_GT(bills[kParts / 2], 0.3 * bills.back());
  }
}

TEST(Costs, AFileChangesWhatItNames) {
  const learn::CostModel model = parse_costs(R"({"fault_s": 5e-6, "huge_from": 2097152})");
  EXPECT_EQ(model.fault_s, 5e-6);
  EXPECT_EQ(model.huge_from, 2097152u);
  EXPECT_EQ(model.dontneed_s, learn::CostModel{}.dontneed_s);
}

TEST(Costs, MistakesAreNamed) {
  EXPECT_THROW(parse_costs("[]"), std::invalid_argument);
  EXPECT_THROW(parse_costs("{"), std::invalid_argument);
  EXPECT_THROW(parse_costs(R"({"fault_s": "much"})"), std::invalid_argument);
  EXPECT_THROW(parse_costs(R"({"fault_s": -1})"), std::invalid_argument);
  try {
    parse_costs(R"({"fault": 1})");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("cost fault is unknown; allowed: huge_from"));
  }
}

}  // namespace
}  // namespace hakmem::cli
