// Tests of `hakmem stats`: finding the file, reading a record, and showing it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "stats_file.hpp"
#include "stats_report.hpp"

namespace hakmem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMib = 1024 * 1024;

hak_stats sample_stats() {
  hak_stats stats{};
  stats.magic = HAK_STATS_MAGIC;
  stats.version = HAK_STATS_VERSION;
  stats.size = sizeof stats;
  stats.process_id = 42;
  stats.small_in_use = 6 * kMib;
  stats.small_free = 3 * kMib;
  stats.metadata_bytes = kMib;
  stats.live_heaps = 1;
  stats.huge_pages = 2;
  stats.class_count = 2;
  stats.classes[0] = {16, 0, 0, 0};
  stats.classes[1] = {32, 4, 8192, 8000};
  return stats;
}

class StatsFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const hak_stats& stats, std::size_t size = sizeof(hak_stats)) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(&stats), static_cast<long>(size));
  }
  std::string reason() {
    try {
      read_stats(path_);
    } catch (const StatsError& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) /
                                ("hakmem_stats_test." + std::to_string(::getpid()));
};

TEST_F(StatsFile, ReadsAWholeRecord) {
  write(sample_stats());
  EXPECT_EQ(read_stats(path_).small_in_use, 6 * kMib);
}

TEST_F(StatsFile, RefusesWhatIsNoRecord) {
  EXPECT_THAT(reason(), HasSubstr("cannot read"));
  hak_stats stats = sample_stats();
  stats.magic = 1;
  write(stats);
  EXPECT_THAT(reason(), HasSubstr("holds no statistics"));
  write(sample_stats(), 4);
  EXPECT_THAT(reason(), HasSubstr("holds no statistics"));
}

TEST_F(StatsFile, RefusesOtherVersionsAndSizes) {
  hak_stats stats = sample_stats();
  stats.version = 999;
  write(stats);
  EXPECT_THAT(reason(), HasSubstr("is of version 999"));
  write(sample_stats(), sizeof(hak_stats) - 8);
  EXPECT_THAT(reason(), HasSubstr("version"));
  stats = sample_stats();
  stats.class_count = HAK_STATS_MAX_CLASSES + 1;
  write(stats);
  EXPECT_THAT(reason(), HasSubstr("version"));
}

TEST_F(StatsFile, RefusesARecordThatStaysHalfWritten) {
  hak_stats stats = sample_stats();
  stats.sequence = 3;
  write(stats);
  EXPECT_THAT(reason(), HasSubstr("never at rest"));
}

TEST(ExpandPattern, ReplacesEveryProcessId) {
  EXPECT_EQ(expand_pattern("/tmp/%p/x.%p", "12"), "/tmp/12/x.12");
  EXPECT_EQ(expand_pattern("plain", "12"), "plain");
  EXPECT_EQ(expand_pattern("%", "12"), "%");
}

TEST(StatsPattern, IsFoundAmongOtherVariables) {
  using namespace std::string_view_literals;
  EXPECT_EQ(stats_pattern("A=1\0HAKMEM_STATS=/x.%p\0B=2\0"sv), "/x.%p");
  EXPECT_EQ(stats_pattern("A=HAKMEM_STATS=1\0"sv), std::nullopt);
  EXPECT_EQ(stats_pattern(""), std::nullopt);
}

TEST(StatsFileOf, NamesWhatIsMissing) {
  EXPECT_THROW(stats_file_of("0"), StatsError);
  ::unsetenv("HAKMEM_STATS");
  EXPECT_THROW(stats_file_of(std::to_string(::getpid())), StatsError);
}

TEST(BytesText, HasThreeDigits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.50 KiB");
  EXPECT_EQ(bytes_text(12 * kMib + kMib / 3), "12.3 MiB");
  EXPECT_EQ(bytes_text(1024 * kMib - 1), "1.00 GiB");
}

TEST(StatsText, ShowsSharesAndUsedClassesOnly) {
  const std::string text = stats_text(sample_stats(), false);
  EXPECT_THAT(text, HasSubstr("process 42, 1 thread heap; purge delay 0 ms, huge pages never"));
  EXPECT_THAT(text, HasSubstr("6.00 MiB  60.0 %"));
  EXPECT_THAT(text, HasSubstr("4.00 MiB  40.0 %"));
  EXPECT_THAT(text, HasSubstr("32 B      4    8192    192           8000     250 KiB"));
  EXPECT_THAT(text, Not(HasSubstr("16 B")));
}

TEST(StatsJson, HasEveryFigureAndClass) {
  const nlohmann::json json = stats_json(sample_stats());
  EXPECT_EQ(json["process_id"], 42);
  EXPECT_EQ(json["small_free"], 3 * kMib);
  EXPECT_EQ(json["huge_pages"], "never");
  EXPECT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["classes"][1]["free_blocks"], 8000);
}

// A field added to the record has to be shown.
TEST(StatsJson, LeavesNoFigureOut) {
  const nlohmann::json json = stats_json(sample_stats());
  const std::size_t figures =
      (offsetof(hak_stats, live_heaps) - offsetof(hak_stats, monotonic_ms)) / sizeof(std::uint64_t);
  const std::size_t others = 6;  // version, process, heaps, delay, huge pages, classes
  EXPECT_EQ(json.size(), figures + others);
}

}  // namespace
}  // namespace hakmem::cli
