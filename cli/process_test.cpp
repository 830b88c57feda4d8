// Tests of the measured run: ends, outputs, limits, input, and what is left behind.
#include "process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

namespace hakmem::cli {
namespace {

RunResult shell(const std::string& script, unsigned limit_seconds = 20) {
  return run_measured({"/bin/sh", "-c", script}, Environment::inherited(), limit_seconds);
}

TEST(RunMeasured, ReportsSuccess) {
  const RunResult result = shell("echo out; echo err >&2");
  EXPECT_TRUE(result.succeeded());
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error_tail, "err\n");
  EXPECT_GT(result.wall_seconds, 0);
  EXPECT_GT(result.peak_rss_kib, 0);
  EXPECT_EQ(describe_end(result), "ok");
}

TEST(RunMeasured, ReportsExitCodesAndSignals) {
  EXPECT_EQ(describe_end(shell("exit 3")), "exit code 3");
  EXPECT_EQ(describe_end(shell("kill -SEGV $$")), "killed by SIGSEGV");
  EXPECT_FALSE(shell("exit 3").succeeded());
}

TEST(RunMeasured, AProgramThatDoesNotExistEndsAsInAShell) {
  const RunResult result = run_measured({"/no/such/program"}, Environment(), 20);
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_NE(result.error_tail.find("/no/such/program"), std::string::npos);
}

TEST(RunMeasured, EqualOutputsHaveEqualHashes) {
  EXPECT_EQ(shell("echo a; echo b").output_hash, shell("printf 'a\\nb\\n'").output_hash);
  EXPECT_NE(shell("echo a").output_hash, shell("echo b").output_hash);
}

TEST(RunMeasured, HashesWhatItDoesNotKeep) {
  const RunResult one = shell("head -c 200000 /dev/zero; echo a");
  const RunResult other = shell("head -c 200000 /dev/zero; echo b");
  EXPECT_LT(one.output.size(), 200000u);
  EXPECT_NE(one.output_hash, other.output_hash);
}

TEST(RunMeasured, EndsAtTheTimeLimit) {
  const RunResult result = shell("sleep 1000", 1);
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.succeeded());
  EXPECT_EQ(describe_end(result), "over the time limit");
}

TEST(RunMeasured, LeavesNoProcessBehind) {
  const RunResult result = shell("sleep 1000 >/dev/null 2>&1 & echo $!");
  ASSERT_TRUE(result.succeeded());
  const pid_t left = std::stoi(result.output);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (::kill(left, 0) == 0 && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
  EXPECT_NE(::kill(left, 0), 0);
}

TEST(RunMeasured, PassesTheEnvironmentAndNothingElse) {
  Environment environment({"PATH=/usr/bin:/bin", "ONLY=this"});
  const RunResult result = run_measured({"/usr/bin/env"}, environment, 20);
  EXPECT_EQ(result.output, "PATH=/usr/bin:/bin\nONLY=this\n");
}

TEST(RunMeasured, CountsTheLargestDescendant) {
  const RunResult small = shell("true");
  const RunResult large = shell("head -c 100000000 /dev/zero | tail -c 60000000 | wc -c; true");
  EXPECT_GT(large.peak_rss_kib, small.peak_rss_kib + 20'000);
}

}  // namespace
}  // namespace hakmem::cli
