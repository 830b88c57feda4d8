// Tests of the one order that the events of several threads are put in.
#include "trace_order.hpp"

#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

using trace::EventKind;
using trace::FileEvent;

FileEvent allocation(std::uint64_t time_ns, std::uint64_t address, std::uint64_t size = 100) {
  return {time_ns, address, 0, 0, size, 0, EventKind::kAllocate};
}
FileEvent free(std::uint64_t time_ns, std::uint64_t address) {
  return {time_ns, address, 0, 0, 0, 0, EventKind::kFree};
}
FileEvent resize(std::uint64_t time_ns, std::uint64_t took_ns, std::uint64_t from,
                 std::uint64_t to) {
  return {time_ns, to, from, took_ns, 200, 0, EventKind::kResize};
}

Trace ordered(const std::vector<ThreadEvents>& threads, bool frees_may_be_strange = false) {
  Trace trace;
  put_in_order(threads, frees_may_be_strange, trace);
  return trace;
}

// "A1 F1": what happens to which block, in order.
std::string letters_of(const Trace& trace) {
  std::string text;
  for (const Event& event : trace.events) {
    if (!text.empty()) text += ' ';
    text += "AFR"[static_cast<int>(event.op)];
    text += std::to_string(event.block);
  }
  return text;
}

TEST(TraceOrder, AnAddressNamesOneBlockAfterAnother) {
  EXPECT_EQ(letters_of(ordered({{{allocation(1, 16), free(2, 16), allocation(3, 16), free(4, 16)}}})),
            "A1 F1 A2 F2");
}

TEST(TraceOrder, ThreadsAreMergedByTime) {
  const Trace trace =
      ordered({{{allocation(10, 16), free(30, 32)}}, {{allocation(20, 32), free(25, 16)}}});
  EXPECT_EQ(letters_of(trace), "A1 A2 F1 F2");
  EXPECT_EQ(trace.events[1].thread, 1U);
  EXPECT_EQ(trace.lost, 0U);
}

TEST(TraceOrder, AtOneTimeWhatCanBeComesFirst) {
  // Thread 1 frees what thread 0 allocates, and thread 0 gets an address thread 1 gives back.
  EXPECT_EQ(letters_of(ordered({{{free(5, 16)}}, {{allocation(5, 16)}}})), "A1 F1");
  EXPECT_EQ(
      letters_of(ordered({{{allocation(1, 16), allocation(5, 32)}}, {{allocation(2, 32), free(5, 32)}}})),
      "A1 A2 F2 A3");
}

TEST(TraceOrder, ClocksMayDifferALittle) {
  const std::vector<ThreadEvents> skewed{{{allocation(1000, 16), allocation(2000, 32)}},
                                         {{allocation(1500, 32), free(2900, 32)}}};
  EXPECT_EQ(letters_of(ordered(skewed)), "A1 A2 F2 A3");
  EXPECT_EQ(ordered(skewed).lost, 0U);
  EXPECT_EQ(ordered(skewed).events[3].time_ns, 2900U);  // time does not fall
}

TEST(TraceOrder, AMissingFreeIsCounted) {
  const Trace trace = ordered({{{allocation(1, 16), allocation(9000, 16)}}});
  EXPECT_EQ(letters_of(trace), "A1 F1 A2");
  EXPECT_EQ(trace.lost, 1U);
}

TEST(TraceOrder, FreesOfUnknownBlocksAreLeftOut) {
  EXPECT_EQ(ordered({{{free(1, 16)}}}).lost, 1U);
  EXPECT_EQ(ordered({{{free(1, 16)}}}, true).lost, 0U);
  EXPECT_TRUE(ordered({{{free(1, 16)}}}).events.empty());
}

TEST(TraceOrder, AMovedBlockKeepsItsNumberAndLeavesItsAddressEarlier) {
  // While thread 0 moves its block from 16 to 64, thread 1 gets 16.
  const Trace trace = ordered({{{allocation(1, 16), resize(10, 20, 16, 64), free(50, 64)}},
                               {{allocation(20, 16), free(60, 16)}}});
  EXPECT_EQ(letters_of(trace), "A1 A2 R1 F1 F2");
  EXPECT_EQ(trace.events[2].time_ns, 30U);
  EXPECT_EQ(trace.events[2].size, 200U);
  EXPECT_EQ(trace.lost, 0U);
}

TEST(TraceOrder, AResizeOfAnUnknownBlockAllocatesIt) {
  EXPECT_EQ(letters_of(ordered({{{resize(1, 2, 16, 64), free(5, 64)}}}, true)), "A1 F1");
  EXPECT_EQ(letters_of(ordered({{{resize(1, 2, 64, 64), free(5, 64)}}}, true)), "A1 F1");
}

}  // namespace
}  // namespace hakmem::cli
