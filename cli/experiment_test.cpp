// Tests of the interleaved experiment, with programs that behave differently under "allocators"
// that are only variables in the environment.
#include "experiment.hpp"

#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

// A run under `name` sees WHO=name.
Allocator pretended(const std::string& name) { return {name, {}, {{"WHO", name}}}; }

Comparison compare_script(const std::string& script, const Settings& settings = {.rounds = 2}) {
  Progress progress(100);
  const std::vector<Allocator> allocators{pretended("a"), pretended("b")};
  return compare("script", {"/bin/sh", "-c", script}, allocators, Environment::inherited(),
                 settings, progress);
}

TEST(Rotation, EachRoundBeginsWithTheNextOne) {
  EXPECT_EQ(rotation(3, 0), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(rotation(3, 1), (std::vector<std::size_t>{1, 2, 0}));
  EXPECT_EQ(rotation(3, 3), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(ExtractMetric, ReadsTheGroup) {
  const std::regex pattern("throughput: ([0-9.]+)");
  EXPECT_EQ(extract_metric("x\nthroughput: 12.5 Mops/s\n", pattern), 12.5);
  EXPECT_EQ(extract_metric("nothing", pattern), std::nullopt);
  EXPECT_EQ(extract_metric("throughput: 0", pattern), 0);
  EXPECT_EQ(extract_metric("throughput: .", pattern), std::nullopt);
}

TEST(Compare, EverySeriesGetsEveryRound) {
  const Comparison comparison = compare_script("true", {.rounds = 3, .warmup = 1});
  ASSERT_EQ(comparison.series.size(), 2u);
  for (const Series& series : comparison.series) {
    EXPECT_TRUE(series.complete());
    EXPECT_FALSE(series.output_differs);
    EXPECT_EQ(series.samples.size(), 3u);
  }
}

TEST(Compare, AFailingAllocatorIsNamedAndLeftOut) {
  const Comparison comparison = compare_script("[ \"$WHO\" != b ] || exit 7");
  EXPECT_TRUE(comparison.find("a")->complete());
  EXPECT_EQ(comparison.find("b")->failure, "exit code 7 (round 1)");
  EXPECT_TRUE(comparison.find("b")->samples.empty());
}

TEST(Compare, ADifferentOutputIsSeen) {
  const Comparison comparison = compare_script("[ \"$WHO\" != b ] || echo wrong");
  EXPECT_FALSE(comparison.find("a")->output_differs);
  EXPECT_TRUE(comparison.find("b")->output_differs);
}

TEST(Compare, AProgramThatFailsByItselfIsLeftOut) {
  const Comparison comparison = compare_script("echo reason >&2; exit 1");
  EXPECT_TRUE(comparison.series.empty());
  EXPECT_EQ(comparison.skipped, "exit code 1 under glibc: reason");
}

TEST(Compare, TheMetricDecidesWhenThereIsOne) {
  Settings settings;
  settings.rounds = 1;
  settings.metric = std::regex("rate: ([0-9.]+)");
  const Comparison comparison =
      compare_script("[ \"$WHO\" = b ] && echo rate: 7 || echo none", settings);
  EXPECT_EQ(comparison.find("a")->failure, "prints no metric");
  EXPECT_DOUBLE_EQ(comparison.value(*comparison.find("b")).median, 7);
  EXPECT_EQ(comparison.better, Better::kHigher);
}

}  // namespace
}  // namespace hakmem::cli
