// Programs under a memory limit: what is idle goes back before the limit is reached, and a hard
// limit gives ENOMEM that the program survives.
//
// The workload (bench/memory/temptation.cpp) needs 212 MiB at once; without a limit its freed
// blocks of many lengths take it far beyond.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/child.hpp"

namespace {

namespace fs = std::filesystem;
using support::ChildResult;

constexpr rlim_t kMiB = rlim_t{1} << 20;
constexpr double kLimitMiB = 256;

double peak_mib(const ChildResult& result) {
  const std::size_t at = result.out.find("peak: ");
  return at == std::string::npos ? 1e9 : std::atof(result.out.c_str() + at + 6);
}

void expect_finished_below_limit(const ChildResult& result) {
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(peak_mib(result), kLimitMiB);
}

TEST(MemoryLimit, HoldsThePeakBelowIt) {
  expect_finished_below_limit(support::run_preloaded(
      {.command = {TEST_PROGRAMS "/temptation"}, .environment = {{"HAKMEM_LIMIT", "256M"}}}));
}

TEST(MemoryLimit, TheWorkloadTemptsWithoutOne) {
  const ChildResult free = support::run_preloaded(
      {.command = {TEST_PROGRAMS "/temptation"}, .environment = {{"HAKMEM_LIMIT", "off"}}});
  EXPECT_EQ(free.exit_code, 0) << free.err;
  EXPECT_GT(peak_mib(free), kLimitMiB);
}

// Address space is not memory: fragments and libraries count too, so that less passes at once.
TEST(MemoryLimit, AddressSpaceLimitsAreSeen) {
  expect_finished_below_limit(
      support::run_preloaded({.command = {TEST_PROGRAMS "/temptation", "--at-once", "16M"},
                              .limits = {{RLIMIT_AS, 256 * kMiB}}}));
}

// A group below this process's own, so that its limits go on holding.
class Cgroup {
 public:
  Cgroup() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
      const std::size_t v1 = line.find(":memory:");
      if (v1 != std::string::npos)
        make("/sys/fs/cgroup/memory" + line.substr(v1 + 8), "memory.limit_in_bytes");
      else if (line.starts_with("0::"))
        make("/sys/fs/cgroup" + line.substr(3), "memory.max");
    }
  }
  ~Cgroup() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove(folder_, ignored);
  }
  const std::string& folder() const { return folder_; }

 private:
  void make(const std::string& parent, const char* limit_file) {
    const std::string folder = parent + "/hakmem_limit_test_" + std::to_string(getpid());
    std::error_code failed;
    if (!folder_.empty() || !fs::create_directory(folder, failed)) return;
    std::ofstream limit(folder + "/" + limit_file);
    if (limit << 256 * kMiB << std::flush)
      folder_ = folder;
    else
      fs::remove(folder, failed);
  }
  std::string folder_;
};

TEST(MemoryLimit, CgroupsAreSeen) {
  const Cgroup group;
  if (group.folder().empty()) GTEST_SKIP() << "no cgroup with a memory limit can be made here";
  const std::string join =
      "echo $$ > " + group.folder() + "/cgroup.procs && exec " TEST_PROGRAMS "/temptation";
  expect_finished_below_limit(support::run_preloaded({.command = {"/bin/sh", "-c", join}}));
}

TEST(HardLimit, AsksTheProgramFirst) {
  const ChildResult result =
      support::run_preloaded({.command = {TEST_PROGRAMS "/frees_at_limit"},
                              .environment = {{"HAKMEM_HARD_LIMIT", "128M"}}});
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(HardLimit, IsNotUsedUpByRoomToGrow) {
  const ChildResult result = support::run_preloaded(
      {.command = {TEST_PROGRAMS "/grows", "limit"}, .environment = {{"HAKMEM_HARD_LIMIT", "512M"}}});
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(HardLimit, GivesEnomemThatProgramsSurvive) {
  for (const char* block : {"500", "30000", "65536", "40000000"}) {
    const ChildResult result =
        support::run_preloaded({.command = {TEST_PROGRAMS "/uses_memory_up", block, "1", "16"},
                                .environment = {{"HAKMEM_HARD_LIMIT", "128M"}}});
    EXPECT_EQ(result.signal, 0) << block;
    EXPECT_EQ(result.exit_code, 0) << block << ": " << result.err;
    EXPECT_GE(std::atoi(result.out.c_str()), 64) << block;
    EXPECT_LE(std::atoi(result.out.c_str()), 128) << block;
  }
}

}  // namespace
