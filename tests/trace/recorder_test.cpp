// Tests of the recorder: what a trace holds of a program whose allocations are known.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "trace_file.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kFrom = 100'000;
constexpr std::uint64_t kBlocks = 1000;
constexpr std::uint64_t kThreads = 4;

class Recorder : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  // The blocks that are the program's own.
  Trace record(const std::string& way, const std::string& with = "") {
    const std::string command = std::string(HAKMEM_COMMAND) + " record --from 100000 -o " + path_ +
                                " " + with + " -- " RECORDED_PROGRAM " " + way + " 2>/dev/null";
    status_ = std::system(command.c_str());
    return read_trace(path_);
  }

  static std::uint64_t count(const Trace& trace, Op op) {
    return static_cast<std::uint64_t>(std::count_if(trace.events.begin(), trace.events.end(),
                                                    [=](const Event& e) { return e.op == op; }));
  }

  int status_ = 0;
  std::string path_ = (std::filesystem::temp_directory_path() /
                       ("hakmem-recorder-" + std::to_string(::getpid()) + ".trace"))
                          .string();
};

TEST_F(Recorder, KeepsEveryBlockOfEveryThread) {
  const Trace trace = record("threads");
  EXPECT_EQ(status_, 0);
  EXPECT_EQ(count(trace, Op::kAllocate), kThreads * kBlocks);
  EXPECT_EQ(count(trace, Op::kFree), kThreads * kBlocks);
  EXPECT_EQ(trace.lost, 0U);
  EXPECT_FALSE(trace.truncated);
  std::map<std::uint64_t, std::uint32_t> allocated_by;
  std::set<std::uint32_t> threads;
  for (const Event& event : trace.events) {
    if (event.op == Op::kAllocate) allocated_by[event.block] = event.thread;
    if (event.op == Op::kAllocate) threads.insert(event.thread);
    if (event.op != Op::kFree) continue;
    EXPECT_NE(allocated_by.at(event.block), event.thread);
  }
  EXPECT_EQ(threads.size(), kThreads);
}

TEST_F(Recorder, TellsBlocksApartThatShareAnAddress) {
  for (const char* with : {"", "--with none"}) {
    const Trace trace = record("races", with);
    EXPECT_EQ(count(trace, Op::kAllocate), kThreads * 5 * kBlocks);
    EXPECT_EQ(count(trace, Op::kFree), kThreads * 5 * kBlocks);
    EXPECT_EQ(count(trace, Op::kResize), kThreads * ((5 * kBlocks + 6) / 7));
    EXPECT_EQ(trace.lost, 0U);
    std::map<std::uint64_t, std::uint32_t> thread_of;
    for (const Event& event : trace.events) {
      EXPECT_EQ(thread_of.emplace(event.block, event.thread).first->second, event.thread);
    }
  }
}

TEST_F(Recorder, LeavesAForkedChildOut) {
  const Trace trace = record("forks");
  EXPECT_EQ(count(trace, Op::kAllocate), 20U);
  for (const Event& event : trace.events) EXPECT_EQ(event.size, kFrom);
  EXPECT_FALSE(trace.truncated);
}

TEST_F(Recorder, EndsWithAProcessThatRunsNoDestructors) {
  const Trace trace = record("quits");
  EXPECT_EQ(count(trace, Op::kAllocate), 100 * kBlocks);
  EXPECT_FALSE(trace.truncated);
}

TEST_F(Recorder, AKilledProgramLeavesABeginning) {
  const Trace trace = record("is_killed");
  EXPECT_NE(status_, 0);
  EXPECT_TRUE(trace.truncated);
  EXPECT_GT(count(trace, Op::kAllocate), 10 * kBlocks);
  EXPECT_LE(count(trace, Op::kAllocate), 100 * kBlocks);
}

TEST_F(Recorder, CountsWhatADiskDoesNotTake) {
  const Trace trace = record("fills_disk");
  EXPECT_EQ(status_, 0);
  EXPECT_GT(trace.lost, 0U);
  EXPECT_EQ(trace.events.size() + trace.lost, 100 * kBlocks);
}

TEST_F(Recorder, KnowsEveryFormOfAllocation) {
  const Trace trace = record("every_form");
  std::vector<std::uint64_t> sizes;
  for (const Event& event : trace.events) {
    if (event.op == Op::kFree) continue;
    sizes.push_back(event.size - (event.size > 2 * kFrom ? 2 * kFrom : kFrom));
    EXPECT_TRUE(trace.sites[event.site].starts_with("recorded_program+0x"));
  }
  EXPECT_EQ(sizes, (std::vector<std::uint64_t>{1, 4, 3, 96, 5, 6, 7}));
  EXPECT_EQ(count(trace, Op::kFree), sizes.size());
}

}  // namespace
}  // namespace hakmem::cli
