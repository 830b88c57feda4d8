// Programs under RLIMIT_AS and RLIMIT_DATA: they start, get most of what the limit allows, get
// ENOMEM beyond it, and can free and go on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <tuple>
#include <vector>

#include "support/child.hpp"

namespace {

constexpr rlim_t kMiB = rlim_t{1} << 20;
constexpr rlim_t kLimit = 256 * kMiB;  // ulimit -v 262144

support::ChildResult use_up(__rlimit_resource resource, std::size_t block_bytes, int threads) {
  return support::run_preloaded({.command = {TEST_PROGRAMS "/uses_memory_up",
                                             std::to_string(block_bytes), std::to_string(threads), "128"},
                                 .limits = {{resource, kLimit}}});
}

using Case = std::tuple<__rlimit_resource, std::size_t, int>;

class Limits : public testing::TestWithParam<Case> {};

TEST_P(Limits, UsedUpAndGoneOn) {
  const auto [resource, block_bytes, threads] = GetParam();
  const support::ChildResult result = use_up(resource, block_bytes, threads);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  // Half of the limit as payload: the rest pays for libraries, stacks, metadata and rounding.
  EXPECT_GE(std::atoi(result.out.c_str()), 128) << "MiB in blocks of " << block_bytes;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return "blocks_of_" + std::to_string(std::get<1>(info.param)) + "_in_" +
         std::to_string(std::get<2>(info.param)) + "_threads";
}

INSTANTIATE_TEST_SUITE_P(AddressSpace, Limits,
                         testing::Combine(testing::Values(RLIMIT_AS),
                                          testing::Values(16, 500, 4096, 30'000, 65'536, 1'000'000),
                                          testing::Values(1, 8)),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Data, Limits,
                         testing::Combine(testing::Values(RLIMIT_DATA),
                                          testing::Values(64, 4096, 100'000),
                                          testing::Values(1, 8)),
                         case_name);

TEST(SmallLimits, ProgramsStartAndWork) {
  for (const rlim_t mib : {64u, 96u, 128u}) {
    const support::ChildResult result =
        support::run_preloaded({.command = {"/bin/sh", "-c", "echo $((6 * 7)) | cat"},
                                .limits = {{RLIMIT_AS, mib * kMiB}}});
    EXPECT_EQ(result.out, "42\n") << mib << " MiB";
    EXPECT_EQ(result.err, "") << mib << " MiB";
    EXPECT_EQ(result.exit_code, 0) << mib << " MiB";
  }
}

TEST(SmallLimits, InterpretersWork) {
  const std::vector<std::vector<std::string>> commands = {
      {"/usr/bin/perl", "-e", "print length(join ',', map { 'x' x 100 } 1 .. 9901)"},
      {"/usr/bin/python3", "-c", "print(len(','.join(['x' * 100] * 9901)), end='')"}};
  for (const std::vector<std::string>& command : commands) {
    if (access(command[0].c_str(), X_OK) != 0) continue;
    const support::ChildResult result =
        support::run_preloaded({.command = command, .limits = {{RLIMIT_AS, kLimit}}});
    EXPECT_EQ(result.out, "1000000") << command[0];
    EXPECT_EQ(result.err, "") << command[0];
    EXPECT_EQ(result.exit_code, 0) << command[0];
  }
}

TEST(Limits, GrowingBlocksMakeFewMappings) {
  const support::ChildResult result = support::run_preloaded({.command = {TEST_PROGRAMS "/grows", "mappings"}});
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

}  // namespace
