// HAKMEM_* options as a user meets them: good ones are silent, bad and unknown ones are named on
// stderr with what is allowed and then ignored, and nothing of it concerns a setuid program.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/child.hpp"

namespace {

using support::ChildResult;

ChildResult run_with(const std::string& name, const std::string& value) {
  return support::run_preloaded(
      {.command = {"/bin/echo", "output"}, .environment = {{name, value}}});
}

void expect_named(const std::string& name, const std::string& value,
                  const std::vector<std::string>& allowed) {
  const ChildResult result = run_with(name, value);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "output\n");
  EXPECT_NE(result.err.find(name), std::string::npos) << name << "=" << value << ": " << result.err;
  EXPECT_NE(result.err.find("hakmem"), std::string::npos)
      << "the line does not say who speaks: " << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1)
      << "one line: " << result.err;
  for (const std::string& word : allowed) {
    EXPECT_NE(result.err.find(word), std::string::npos)
        << name << "=" << value << " does not name " << word << ": " << result.err;
  }
}

TEST(Options, GoodOnesAreSilent) {
  const std::pair<const char*, const char*> good[] = {
      {"HAKMEM_THP", "auto"},      {"HAKMEM_THP", "always"},       {"HAKMEM_THP", "never"},
      {"HAKMEM_PURGE_DELAY", "0"}, {"HAKMEM_PURGE_DELAY", "1000"}, {"HAKMEM_PURGE_DELAY", "600000"},
      {"HAKMEM_MODE", "static"},   {"HAKMEM_VERBOSE", "0"},
      {"HAKMEM_SELECTOR", "peak"}, {"HAKMEM_SELECTOR", "glibc"},   {"HAKMEM_SELECTOR", "low-water"}};
  for (const auto& [name, value] : good) {
    const ChildResult result = run_with(name, value);
    EXPECT_EQ(result.err, "") << name << "=" << value;
    EXPECT_EQ(result.out, "output\n");
    EXPECT_EQ(result.exit_code, 0);
  }
}

TEST(Options, BadChoicesAreNamed) {
  for (const char* value : {"banana", "AUTOMATIC", "1", "auto,never"})
    expect_named("HAKMEM_THP", value, {value, "auto", "always", "never"});
  expect_named("HAKMEM_MODE", "turbo", {"turbo", "static"});
  for (const char* value : {"low", "fixed:5s", "fixed:"})
    expect_named("HAKMEM_SELECTOR", value, {value, "hindsight", "low-water", "peak", "glibc", "fixed:ARM"});
  expect_named("HAKMEM_VERBOSE", "2", {"0", "1"});
}

TEST(Options, BadNumbersAreNamed) {
  for (const char* value :
       {"-1", "600001", "1s", "abc", "99999999999999999999999999", "0x10", "1 ", "1.5"}) {
    expect_named("HAKMEM_PURGE_DELAY", value, {value, "0", "600000"});
  }
}

TEST(Options, UnknownOnesAreNamed) {
  expect_named("HAKMEM_PURGE_DELAYS", "5", {"HAKMEM_PURGE_DELAY", "HAKMEM_THP"});
  expect_named("HAKMEM_", "5", {});
  expect_named("HAKMEM_UNHEARD_OF", std::string(10'000, 'x'), {});
}

// Names that only look similar are nobody's business.
TEST(Options, OtherVariablesAreLeftAlone) {
  EXPECT_EQ(run_with("HAKMEMORY", "1").err, "");
  EXPECT_EQ(run_with("MY_HAKMEM_THP", "1").err, "");
}

TEST(Options, VerboseSpeaks) {
  const ChildResult result = run_with("HAKMEM_VERBOSE", "1");
  EXPECT_NE(result.err.find("hakmem"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "output\n");
}

class Directory {
 public:
  Directory() {
    char path[] = "/tmp/hakmem-options-XXXXXX";
    if (mkdtemp(path) == nullptr) std::abort();
    chmod(path, 0777);
    path_ = path;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(Options, StatsAreWrittenToTheFile) {
  const Directory directory;
  const ChildResult result = run_with("HAKMEM_STATS", directory / "stats");
  EXPECT_EQ(result.err, "");
  ASSERT_TRUE(std::filesystem::exists(directory / "stats"));
  EXPECT_GT(std::filesystem::file_size(directory / "stats"), 50u);
}

TEST(Options, AStatsFileThatCannotBeWrittenIsNamed) {
  const ChildResult result = run_with("HAKMEM_STATS", "/no/such/directory/stats");
  EXPECT_NE(result.err.find("/no/such/directory/stats"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "output\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Options, ATopologyThatCannotBeUnderstoodIsNamed) {
  const Directory directory;
  const ChildResult nowhere = run_with("HAKMEM_TOPOLOGY", "/no/such/directory");
  EXPECT_NE(nowhere.err.find("HAKMEM_TOPOLOGY=/no/such/directory ignored"), std::string::npos) << nowhere.err;
  EXPECT_NE(nowhere.err.find("/devices/system/cpu/online"), std::string::npos) << nowhere.err;
  EXPECT_EQ(nowhere.out, "output\n");
  EXPECT_EQ(nowhere.exit_code, 0);
  EXPECT_EQ(run_with("HAKMEM_TOPOLOGY", "/sys").err, "");
}

// The loader drops LD_PRELOAD for setuid programs, so this one has the library linked in.
TEST(Options, AreIgnoredBySetuidPrograms) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make a setuid program";
  const Directory directory;
  const std::filesystem::path program = directory / "says_if_secure";
  std::filesystem::copy_file(TEST_PROGRAMS "/says_if_secure", program);
  support::ChildPlan plan{.command = {program},
                          .environment = {{"HAKMEM_STATS", directory / "stats"},
                                          {"HAKMEM_THP", "banana"},
                                          {"HAKMEM_BOGUS", "1"}},
                          .user = 65534};
  chmod(program.c_str(), 0755);
  const ChildResult plain = support::run_child(plan);
  EXPECT_EQ(plain.out, "AT_SECURE 0\n");
  EXPECT_NE(plain.err.find("HAKMEM_BOGUS"), std::string::npos) << plain.err;
  EXPECT_TRUE(std::filesystem::remove(directory / "stats"));

  chmod(program.c_str(), 04755);
  const ChildResult secure = support::run_child(plan);
  if (secure.out == "AT_SECURE 0\n") GTEST_SKIP() << "this file system ignores setuid bits";
  EXPECT_EQ(secure.out, "AT_SECURE 1\n");
  EXPECT_EQ(secure.err, "");
  EXPECT_FALSE(std::filesystem::exists(directory / "stats"));
}

}  // namespace
