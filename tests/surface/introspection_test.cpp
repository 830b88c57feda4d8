// malloc_trim, mallinfo, mallinfo2, malloc_info, malloc_stats and mallopt: plausible answers, real
// effects.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

std::vector<void*> touched_blocks(std::size_t total, std::size_t size) {
  std::vector<void*> blocks(total / size);
  for (void*& block : blocks) std::memset(block = std::malloc(opaque(size)), 1, size);
  return blocks;
}

void free_all(std::vector<void*>& blocks) {
  for (void* block : blocks) std::free(block);
  blocks = std::vector<void*>();  // "= {}" would keep the table
}

class Trim : public testing::TestWithParam<std::size_t> {};

TEST_P(Trim, LowersTheResidentSet) {
  const std::size_t before = support::resident_mib();
  std::vector<void*> blocks = touched_blocks(128 * kMiB, GetParam());
  ASSERT_GE(support::resident_mib(), before + 120);
  free_all(blocks);
  malloc_trim(0);
  EXPECT_LT(support::resident_mib(), before + 16);
}

TEST_P(Trim, ReachesWhatAnotherThreadFreed) {
  const std::size_t before = support::resident_mib();
  std::vector<void*> blocks = touched_blocks(128 * kMiB, GetParam());
  std::thread([&] { free_all(blocks); }).join();
  malloc_trim(0);
  EXPECT_LT(support::resident_mib(), before + 16);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Trim, testing::Values(48, 1024, 20'000, 100'000, 5 * kMiB),
                         testing::PrintToStringParamName());

TEST(Mallinfo, FollowsWhatIsInUse) {
  const auto before = mallinfo2();
  std::vector<void*> blocks = touched_blocks(64 * kMiB, 4096);
  const auto during = mallinfo2();
  EXPECT_GE(during.uordblks + during.hblkhd, before.uordblks + before.hblkhd + 60 * kMiB);
  EXPECT_GE(during.arena + during.hblkhd, during.uordblks);
  free_all(blocks);
  const auto after = mallinfo2();
  EXPECT_LE(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 8 * kMiB);
}

// The old form has the same figures in ints.
TEST(Mallinfo, OldFormAgrees) {
  std::vector<void*> blocks = touched_blocks(32 * kMiB, 1000);
  const auto wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const auto narrow = mallinfo();
#pragma GCC diagnostic pop
  EXPECT_NEAR(static_cast<double>(narrow.uordblks), static_cast<double>(wide.uordblks),
              double(kMiB));
  EXPECT_NEAR(static_cast<double>(narrow.arena), static_cast<double>(wide.arena), double(4 * kMiB));
  free_all(blocks);
}

// Checks that tags nest and close; attributes are not looked at.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open_tags;
  std::size_t seen = 0;
  for (std::size_t start = xml.find('<'); start != std::string::npos;
       start = xml.find('<', start + 1)) {
    const std::size_t end = xml.find('>', start);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(start + 1, end - start - 1);
    const std::string name =
        tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /\n", 1) - (tag[0] == '/' ? 1 : 0));
    ++seen;
    if (tag[0] == '?' || tag[0] == '!' || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open_tags.push_back(name);
    } else if (open_tags.empty() || open_tags.back() != tag.substr(1)) {
      return false;
    } else {
      open_tags.pop_back();
    }
  }
  return seen > 0 && open_tags.empty();
}

TEST(MallocInfo, WritesWellFormedXml) {
  std::vector<void*> blocks = touched_blocks(8 * kMiB, 200);
  char* text = nullptr;
  std::size_t length = 0;
  FILE* const stream = open_memstream(&text, &length);
  EXPECT_EQ(malloc_info(0, stream), 0);
  std::fclose(stream);
  EXPECT_EQ(std::strncmp(text, "<malloc", 7), 0) << text;
  EXPECT_TRUE(well_formed(text)) << text;
  std::free(text);
  free_all(blocks);
}

TEST(MallocInfo, RefusesUnknownOptions) { EXPECT_NE(malloc_info(opaque(1), stderr), 0); }

TEST(MallocInfo, TheCheckerItselfCanFail) {
  EXPECT_TRUE(well_formed("<malloc version=\"1\"><a/><b>1</b></malloc>"));
  EXPECT_FALSE(well_formed("<malloc><a></malloc>"));
  EXPECT_FALSE(well_formed("<malloc>"));
  EXPECT_FALSE(well_formed("nothing"));
}

TEST(MallocStats, WritesToStderrOnly) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  malloc_stats();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_GT(testing::internal::GetCapturedStderr().size(), 20u);
}

TEST(Mallopt, AnswersAndHarmsNothing) {
  for (const int option :
       {M_MXFAST, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX, 12345}) {
    const int answer = mallopt(option, opaque(64 << 10));
    EXPECT_TRUE(answer == 0 || answer == 1) << option;
  }
  std::vector<void*> blocks = touched_blocks(16 * kMiB, 3000);
  free_all(blocks);
}

}  // namespace
