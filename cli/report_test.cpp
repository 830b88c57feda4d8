// Tests of the report: what the tables say about wins, ties and failures, and what the JSON holds.
#include "report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hakmem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Series series_of(const std::string& allocator, const std::vector<double>& times,
                 long peak_rss_kib) {
  Series series;
  series.allocator = allocator;
  for (const double time : times) {
    Sample sample;
    sample.round = static_cast<int>(series.samples.size());
    sample.run.wall_seconds = time;
    sample.run.peak_rss_kib = peak_rss_kib;
    series.samples.push_back(sample);
  }
  return series;
}

Comparison sorting() {
  Comparison comparison;
  comparison.program = "sort";
  comparison.series = {series_of("hakmem", {1.0, 1.01, 1.02}, 1024),
                       series_of("slow", {2.0, 2.1, 2.2}, 2048),
                       series_of("near", {1.0, 1.02, 1.03}, 1024)};
  return comparison;
}

// The line of `text` that contains `word`.
std::string line_with(const std::string& text, const std::string& word) {
  const std::size_t at = text.find(word);
  if (at == std::string::npos) return "";
  const std::size_t start = text.rfind('\n', at) + 1;
  return text.substr(start, text.find('\n', at) - start);
}

TEST(ResultsTable, SaysWhoWinsAndWhatIsATie) {
  const Comparison comparison = sorting();
  const std::string table = results_table({&comparison, 1}, "hakmem", false);
  EXPECT_THAT(line_with(table, "slow"), HasSubstr("2.10 s"));
  EXPECT_THAT(line_with(table, "slow"), HasSubstr("2.08"));
  EXPECT_THAT(line_with(table, "slow"), HasSubstr("2.00  hakmem"));
  EXPECT_THAT(line_with(table, "near"), HasSubstr("tie"));
}

TEST(ResultsTable, FitsAHundredColumns) {
  const Comparison comparison = sorting();
  std::istringstream lines(results_table({&comparison, 1}, "hakmem", false));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(ResultsTable, NamesFailuresAndDifferentOutputs) {
  Comparison comparison = sorting();
  comparison.series[1].failure = "killed by SIGSEGV (round 2)";
  comparison.series[2].output_differs = true;
  const std::string table = results_table({&comparison, 1}, "hakmem", false);
  EXPECT_THAT(line_with(table, "slow"), HasSubstr("killed by SIGSEGV (round 2)"));
  EXPECT_THAT(table, HasSubstr("sort: prints something else under near than under glibc"));
}

TEST(ResultsTable, ColoursOnlyWhenAskedFor) {
  const Comparison comparison = sorting();
  EXPECT_THAT(results_table({&comparison, 1}, "hakmem", false), Not(HasSubstr("\033")));
  EXPECT_THAT(results_table({&comparison, 1}, "hakmem", true), HasSubstr("\033"));
}

TEST(SummaryTable, CountsOverPrograms) {
  const std::vector<Comparison> comparisons{sorting(), sorting()};
  const std::string line = line_with(summary_table(comparisons, "hakmem", false), "slow");
  EXPECT_THAT(line, HasSubstr("2.08  2.00            2     0      0       0"));
  EXPECT_EQ(summary_table({comparisons.data(), 1}, "hakmem", false), "");
}

TEST(SamplesJson, HoldsEverySample) {
  const Comparison comparison = sorting();
  const std::vector<Allocator> allocators{{"hakmem", "/x/libhakmem.so", {{"A", "1"}}}};
  const nlohmann::json json = samples_json({&comparison, 1}, allocators, {.rounds = 3});
  EXPECT_EQ(json["allocators"][0]["variables"]["A"], "1");
  const nlohmann::json& slow = json["comparisons"][0]["series"][1];
  EXPECT_EQ(slow["allocator"], "slow");
  ASSERT_EQ(slow["samples"].size(), 3u);
  EXPECT_DOUBLE_EQ(slow["samples"][2]["wall_seconds"], 2.2);
  EXPECT_EQ(slow["samples"][2]["peak_rss_kib"], 2048);
}

}  // namespace
}  // namespace hakmem::cli
