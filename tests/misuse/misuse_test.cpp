// What a program is told when it frees what is no block: one line, once, and it goes on.
//
// Foreign pointers go to the next allocator when there is one, and glibc aborts on a bad one; so
// what is said when there is none is tested with statically linked programs (NAME_static), the
// hand-over under preload.
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "support/child.hpp"

namespace {

using support::ChildResult;

ChildResult run_static(const std::string& program) {
  return support::run_child({.command = {TEST_PROGRAMS "/" + program + "_static"}});
}

ChildResult run_preload(const std::string& program) {
  return support::run_preloaded({.command = {TEST_PROGRAMS "/" + program}});
}

void expect_went_on(const ChildResult& result, const std::string& out = "went on\n") {
  EXPECT_EQ(result.out, out);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.signal, 0) << result.err;
}

// `text` is exact but for 0x..., which stands for any address.
void expect_line(const ChildResult& result, const std::string& text) {
  const std::string said = std::regex_replace(result.err, std::regex("0x[0-9a-f]+"), "0x...");
  EXPECT_EQ(said, text + "\n");
}

constexpr const char* kNoBlock =
    "hakmem: free(0x...) ignored: not a block of this allocator, nor of another";
constexpr const char* kNotLive =
    "hakmem: free(0x...) ignored: no block starts there, or it is free already";

std::string program_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

class ForeignPointer : public testing::TestWithParam<const char*> {};

TEST_P(ForeignPointer, IsReportedOnceAndLeftAlone) {
  const ChildResult result = run_static(GetParam());
  expect_went_on(result);
  expect_line(result, kNoBlock);
}

INSTANTIATE_TEST_SUITE_P(Misuse, ForeignPointer,
                         testing::Values("free_stack_address", "free_static_address",
                                         "free_wild_address", "free_beyond_user_space"),
                         program_name);

TEST(ForeignPointers, TheAddressIsPrinted) {
  EXPECT_NE(run_static("free_wild_address").err.find("free(0x1234500000)"), std::string::npos);
  EXPECT_NE(run_static("free_beyond_user_space").err.find("free(0x800000000000)"),
            std::string::npos);
}

TEST(ForeignPointers, ReallocGivesNull) {
  const ChildResult result = run_static("realloc_wild_address");
  expect_went_on(result);
  expect_line(
      result,
      "hakmem: realloc(0x...) ignored: not a block of this allocator, nor of another");
}

TEST(ForeignPointers, HasNoSize) {
  const ChildResult result = run_static("size_of_wild_address");
  expect_went_on(result, "0 bytes\nwent on\n");
  EXPECT_EQ(result.err, "");
}

TEST(ForeignPointers, OfTheNextAllocatorIsHandedOver) {
  const ChildResult result = run_preload("free_libc_block");
  expect_went_on(result);
  EXPECT_EQ(result.err, "");
}

class LargeBlock : public testing::TestWithParam<const char*> {};

TEST_P(LargeBlock, FreedWronglyIsReportedOnce) {
  for (const ChildResult& result : {run_static(GetParam()), run_preload(GetParam())}) {
    expect_went_on(result);
    expect_line(result, kNotLive);
  }
}

INSTANTIATE_TEST_SUITE_P(Misuse, LargeBlock,
                         testing::Values("free_large_twice", "free_inside_large"), program_name);

// A huge block's mapping is gone when it is freed: its address is then a wild one.
TEST(HugeBlock, FreedTwiceIsReportedOnce) {
  const ChildResult result = run_static("free_huge_twice");
  expect_went_on(result);
  expect_line(result, kNotLive);
}

// The next allocator would read in front of the address, where nothing is mapped.
TEST(ForeignPointers, WildOnesAreNotHandedOver) {
  for (const char* program : {"free_wild_address", "free_beyond_user_space", "free_huge_twice",
                              "realloc_wild_address", "size_of_wild_address"}) {
    const ChildResult result = run_preload(program);
    EXPECT_EQ(result.signal, 0) << program;
    EXPECT_EQ(result.exit_code, 0) << program;
    EXPECT_NE(result.out.find("went on"), std::string::npos) << program;
  }
}

}  // namespace
