// Tests of the plan that a trace becomes for the player.
#include "replay_plan.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "replay_report.hpp"
#include "trace_file.hpp"

namespace hakmem::cli {
namespace {

// Block 1 crosses from thread 0 to thread 1; block 2 grows and shrinks.
Trace sample_trace() {
  Trace trace;
  trace.sites = {"unknown"};
  trace.events = {{100, 1, 5000, 0, 0, Op::kAllocate}, {200, 2, 10, 1, 0, Op::kAllocate},
                  {300, 2, 9000, 1, 0, Op::kResize},   {400, 1, 0, 1, 0, Op::kFree},
                  {500, 2, 20, 1, 0, Op::kResize},     {600, 2, 0, 0, 0, Op::kFree}};
  trace.end_ns = 1000;
  return trace;
}

struct ReadPlan {
  PlanHeader header{};
  std::vector<std::vector<PlanEvent>> threads;
};

ReadPlan read(const std::vector<std::byte>& bytes) {
  ReadPlan plan;
  std::memcpy(&plan.header, bytes.data(), sizeof plan.header);
  const std::byte* parts = bytes.data() + sizeof plan.header;
  const std::byte* events = parts + plan.header.threads * sizeof(PlanThread);
  for (std::uint64_t i = 0; i < plan.header.threads; ++i) {
    PlanThread part{};
    std::memcpy(&part, parts + i * sizeof part, sizeof part);
    plan.threads.emplace_back(part.events);
    std::memcpy(plan.threads.back().data(), events + part.first * sizeof(PlanEvent),
                part.events * sizeof(PlanEvent));
  }
  return plan;
}

TEST(ReplayPlan, KeepsThreadsAndTheTurnsOfEachSlot) {
  const ReadPlan plan = read(make_plan(sample_trace(), {}));
  ASSERT_EQ(plan.threads.size(), 2U);
  ASSERT_EQ(plan.threads[0].size(), 2U);
  ASSERT_EQ(plan.threads[1].size(), 4U);
  EXPECT_EQ(plan.header.slots, 2U);
  EXPECT_EQ(plan.header.end_ns, 1000U);
  const PlanEvent freed = plan.threads[1][2];
  EXPECT_EQ(freed.op, PlanOp::kFree);
  EXPECT_EQ(freed.slot, plan.threads[0][0].slot);
  EXPECT_EQ(plan.threads[0][0].turn, 0U);
  EXPECT_EQ(freed.turn, 1U);
  EXPECT_EQ(plan.threads[0][1].turn, 3U);  // block 2: allocated, resized twice, freed
}

TEST(ReplayPlan, SlotsAreUsedAgain) {
  Trace trace;
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    trace.events.push_back({i, i, 8, 0, 0, Op::kAllocate});
    trace.events.push_back({i, i, 0, 0, 0, Op::kFree});
  }
  EXPECT_LT(read(make_plan(trace, {})).header.slots, 1100U);
}

TEST(ReplayPlan, SpeedScalesAndMaxDropsThePauses) {
  EXPECT_EQ(read(make_plan(sample_trace(), {2.0, false})).threads[0][1].time_ns, 300U);
  const ReadPlan fastest = read(make_plan(sample_trace(), {std::nullopt, false}));
  EXPECT_EQ(fastest.threads[0][1].time_ns, 0U);
  EXPECT_EQ(fastest.header.end_ns, 0U);
}

TEST(ReplayPlan, OneThreadHasAllEventsInTheirOrder) {
  const ReadPlan plan = read(make_plan(sample_trace(), {1.0, true}));
  ASSERT_EQ(plan.threads.size(), 1U);
  ASSERT_EQ(plan.threads[0].size(), 6U);
  EXPECT_EQ(plan.threads[0][3].time_ns, 400U);
}

TEST(ReplayPlan, TooManyThreadsPlayInOneOnly) {
  Trace trace;
  for (std::uint32_t i = 0; i <= kMaxPlanThreads; ++i) {
    trace.events.push_back({i, i + 1, 8, i, 0, Op::kAllocate});
  }
  EXPECT_THROW(make_plan(trace, {}), TraceError);
  EXPECT_EQ(read(make_plan(trace, {1.0, true})).threads.size(), 1U);
}

TEST(ReplayPlan, NothingIsNoPlan) { EXPECT_THROW(make_plan(Trace{}, {}), TraceError); }

TEST(ReplayPlan, SmallBlocksAreLeftOut) {
  const Trace kept = keep_from(sample_trace(), 4096);
  ASSERT_EQ(kept.events.size(), 4U);
  EXPECT_EQ(kept.events[1].op, Op::kAllocate);  // where it grew
  EXPECT_EQ(kept.events[1].block, 2U);
  EXPECT_EQ(kept.events[3].op, Op::kFree);  // where it shrank
  EXPECT_EQ(kept.events[3].time_ns, 500U);
  EXPECT_EQ(kept.end_ns, 1000U);
}

TEST(ReplayReport, TheBillIsTimeAndMemory) {
  PlayerResult result{};
  result.cpu_seconds = 2;
  result.rss_byte_seconds = 8.0 * 1024 * 1024 * 1024;
  EXPECT_DOUBLE_EQ(bill_of(result, 0.125), 3);
  EXPECT_DOUBLE_EQ(bill_of(result, 0), 2);
}

TEST(ReplayReport, ReadsWhatThePlayerPrints) {
  const std::string output =
      "allocations 5\nfrees 4\nresizes 3\nrefused 0\nwall_seconds 1.5\ncpu_seconds 0.5\n"
      "rss_byte_seconds 1000\npeak_rss_bytes 4096\nminor_faults 7\n";
  const PlayerResult result = parse_player_output(output);
  EXPECT_EQ(result.frees, 4U);
  EXPECT_DOUBLE_EQ(result.wall_seconds, 1.5);
  EXPECT_EQ(result.minor_faults, 7U);
  EXPECT_THROW(parse_player_output("allocations 5\n"), std::runtime_error);
}

}  // namespace
}  // namespace hakmem::cli
