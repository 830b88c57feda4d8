// Tests of `hakmem stats`: finding the file, reading a record, and showing it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "stats_file.hpp"
#include "stats_openmetrics.hpp"
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
  stats.releases = 5;
  stats.reuses = 1000;
  stats.late_reuses = 3;
  stats.price = 0.125;
  stats.learning_s = 0.0015;
  stats.release_s = 0.02;
  stats.process_cpu_s = 3;
  stats.refault_bytes = 7 * kMib;
  stats.prefaulted_bytes = 8 * kMib;
  stats.bill_paid_s = 0.5;
  stats.bill_best_fixed_s = 0.4;
  stats.bill_1s_s = 2;
  stats.costs.fault_s = 1.75e-6;
  std::strcpy(stats.mode, "hybrid");
  std::strcpy(stats.learn, "shadow");
  std::strcpy(stats.selector, "hindsight");
  std::strcpy(stats.best_fixed_arm, "keep");
  stats.sites_seen = stats.site_count = 1;
  stats.sites[0].block_bytes = 5 * kMib;
  stats.sites[0].offset = 0x12ab;
  stats.sites[0].bill_paid_s = 0.5;
  std::strcpy(stats.sites[0].module, "libthing.so");
  stats.contexts_seen = 7;
  stats.context_count = 1;
  stats.contexts[0] = {.block_bytes = 5 * kMib,
                       .first_depth = 2,
                       .last_depth = 3,
                       .site_group = 1,
                       .idle_blocks = 2,
                       .idle_bytes = 10 * kMib,
                       .lazy_bytes = kMib,
                       .reuses = 900,
                       .bill_paid_s = 0.5,
                       .bill_best_fixed_s = 0.4,
                       .arm = "static",
                       .learned_arm = "free:1s,10s",
                       .best_fixed_arm = "30ms"};
  stats.huge_wanted_bytes = 32 * kMib;
  stats.huge_full_units = 9;
  stats.huge_part_units = 4;
  stats.huge_waste_bytes = 3 * kMib;
  stats.huge_resident_bytes = 20 * kMib;
  stats.huge_collapsed_bytes = 6 * kMib;
  stats.spare_bound_bytes = 32 * kMib;
  stats.spare_unclaimed_bytes = 30 * kMib;
  stats.allowance_loans = 6;
  stats.knob_bill_memory_s = 0.25;
  stats.knob_changes = 77;
  stats.cold_classes = 5;
  stats.knob_count = 2;
  stats.knobs[0] = {.name = "depot",
                    .value = 512 * 1024,
                    .static_value = 256 * 1024,
                    .kept = 1,
                    .per_mille = -23,
                    .last_trial = "cheaper"};
  stats.knobs[1] = {.name = "growth",
                    .value = 4,
                    .static_value = 2,
                    .kept = 0,
                    .per_mille = 0,
                    .last_trial = "running"};
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
  stats = sample_stats();
  stats.context_count = HAK_STATS_MAX_CONTEXTS + 1;
  write(stats);
  EXPECT_THAT(reason(), HasSubstr("version"));
  stats = sample_stats();
  stats.knob_count = HAK_STATS_MAX_KNOBS + 1;
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
  EXPECT_THAT(text,
              HasSubstr("process 42, 1 thread heap, 0 parked; background thread does not run; "
                        "purge delay 0 ms, huge pages never"));
  EXPECT_THAT(text, HasSubstr("6.00 MiB  60.0 %"));
  EXPECT_THAT(text, HasSubstr("4.00 MiB  40.0 %"));
  EXPECT_THAT(text, HasSubstr("32 B      4    8192    192           8000     250 KiB"));
  EXPECT_THAT(text, Not(HasSubstr("16 B")));
}

TEST(StatsText, SaysWhatLearningIsWorth) {
  const std::string text = stats_text(sample_stats(), false);
  EXPECT_THAT(text, HasSubstr("mode hybrid, learning shadow, selector hindsight, price 0.125"));
  EXPECT_THAT(text,
              HasSubstr("1000 used again, 3 of them after their pages had gone (7.00 MiB to fault "
                        "in); 5 given back\nnew memory made resident before it was touched: 8.00 MiB\n"));
  EXPECT_THAT(text,
              HasSubstr("spent: 1.50 ms on learning (0.050 %), 20.0 ms of CPU on giving memory "
                        "back (0.667 %), of the process's 3.00 s"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "bill so far: 500 ms; the best single arm, keep: 400 ms; giving back after 1 s: 2.00 s "
          "(saved 1.50 s)"));
  EXPECT_THAT(text, HasSubstr("5.00 MiB    2-3  slow   static (free:1s,10s)  10.0 MiB"));
  EXPECT_THAT(text, HasSubstr("500 ms      +25 %  30ms"));
  EXPECT_THAT(text, HasSubstr("and 6 more"));
}

TEST(StatsText, SaysWhatTheLimitIsWhereThereIsOne) {
  hak_stats stats = sample_stats();
  EXPECT_THAT(stats_text(stats, false), Not(HasSubstr("limit")));
  stats.limit_bytes = 256 * kMib;
  EXPECT_THAT(stats_text(stats, false), HasSubstr("memory limit"));
  EXPECT_THAT(stats_openmetrics(stats), HasSubstr("\nhakmem_limit_bytes 268435456\n"));
  EXPECT_EQ(stats_json(stats)["limit_bytes"], 256 * kMib);
}

TEST(StatsText, WithoutReusesThereIsNoBill) {
  hak_stats stats = sample_stats();
  stats.bill_1s_s = 0;
  EXPECT_THAT(stats_text(stats, false), HasSubstr("no reuse has been scored yet"));
}

TEST(StatsText, SaysWhereTheKnobsAreWhereTheyMove) {
  hak_stats stats = sample_stats();
  EXPECT_THAT(stats_text(stats, false), Not(HasSubstr("knob")));
  stats.knobs_adapt = 1;
  const std::string text = stats_text(stats, false);
  EXPECT_THAT(text, HasSubstr("adaptive knobs: on trial; levels changed 77 times"));
  EXPECT_THAT(text, HasSubstr("250 ms of idle memory"));
  EXPECT_THAT(text, HasSubstr("spare magazines: 2.00 MiB allowed of 32.0 MiB"));
  EXPECT_THAT(text, HasSubstr("were lent 6;"));
  EXPECT_THAT(text, HasSubstr("those of 5 classes are below a magazine"));
  EXPECT_THAT(text, HasSubstr("depot    512 KiB   256 KiB      1  cheaper, -2.3 %"));
  EXPECT_THAT(text, HasSubstr("growth  heap / 4  heap / 2      0  running"));
}

TEST(StatsText, SaysHowFullHugePagesAre) {
  hak_stats stats = sample_stats();
  EXPECT_THAT(stats_text(stats, false),
              HasSubstr("huge pages: wanted for 32.0 MiB; 9 of 2 MiB in full use, 4 in part, 3.00 "
                        "MiB free in those; 20.0 MiB resident, 6.00 MiB collapsed so far\n"));
  stats.huge_wanted_bytes = stats.huge_resident_bytes = 0;
  EXPECT_THAT(stats_text(stats, false), Not(HasSubstr("huge pages: ")));
}

TEST(StatsText, AnythingInItsTextsIsHarmless) {
  hak_stats stats = sample_stats();
  std::memset(stats.mode, 0xFF, sizeof stats.mode);
  stats.selector[1] = '\x1b';
  stats.contexts[0].arm[0] = '"';
  EXPECT_THAT(stats_text(stats, false),
              HasSubstr("mode ????????????????, learning shadow, selector h?ndsight"));
  EXPECT_NO_THROW(stats_json(stats).dump());
  EXPECT_THAT(stats_openmetrics(stats), HasSubstr("arm=\"\\\"tatic\""));
}

TEST(StatsOpenMetrics, HasTypesUnitsAndAnEnd) {
  const std::string text = stats_openmetrics(sample_stats());
  EXPECT_THAT(text, HasSubstr("# TYPE hakmem_held_bytes gauge\n# UNIT hakmem_held_bytes bytes\n# "
                              "HELP hakmem_held_bytes "));
  EXPECT_THAT(text, HasSubstr("\nhakmem_held_bytes{kind=\"slabs\"} 3145728\n"));
  EXPECT_THAT(text, HasSubstr("\n# TYPE hakmem_reuses counter\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_reuses_total 1000\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_class_free_blocks{block_bytes=\"32\"} 8000\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_context_bill_seconds_total{block_bytes=\"5242880\",depth="
                              "\"2-3\",sites=\"1\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_site_bill_seconds_total{block_bytes=\"5242880\",module="
                              "\"libthing.so\",offset=\"0x12ab\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_huge_units{kind=\"part\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_huge_waste_bytes 3145728\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_huge_resident_bytes 20971520\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_huge_collapsed_bytes 6291456\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_allowance_loans_total 6\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_knob_bill_memory_seconds_total 0.25\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_knob_value{knob=\"depot\"} 524288\n"));
  EXPECT_THAT(text, HasSubstr("\nhakmem_knob_last_change_ratio{knob=\"depot\"} -0.023\n"));
  EXPECT_THAT(text, HasSubstr("knob=\"growth\",last_trial=\"running\"} 1\n"));
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
}

TEST(StatsReport, NamesCallSitesByModuleAndOffset) {
  hak_stats stats = sample_stats();
  EXPECT_THAT(stats_text(stats, false), HasSubstr("libthing.so+0x12ab"));
  EXPECT_EQ(stats_json(stats)["sites"][0]["module"], "libthing.so");
  stats.sites[0].module[0] = '\0';
  EXPECT_THAT(stats_text(stats, false), HasSubstr("\n0x12ab "));
}

TEST(StatsJson, HasEveryFigureAndClass) {
  const nlohmann::json json = stats_json(sample_stats());
  EXPECT_EQ(json["process_id"], 42);
  EXPECT_EQ(json["small_free"], 3 * kMib);
  EXPECT_EQ(json["huge_pages"], "never");
  EXPECT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["classes"][1]["free_blocks"], 8000);
}

template <typename Number>
constexpr std::size_t fields_between(std::size_t from, std::size_t to) {
  return (to - from) / sizeof(Number);
}

// A field added to the record has to be shown, wherever it is added.
TEST(StatsJson, LeavesNoFigureOut) {
  using Wide = std::uint64_t;
  using Half = std::uint32_t;
  const nlohmann::json json = stats_json(sample_stats());
  const std::size_t identity = 2;  // version and process; the rest of the head is the file's own
  const std::size_t texts = 4;     // best arm, mode, learn, selector
  const std::size_t lists = 1;     // classes, contexts, sites and knobs stand for their counts
  EXPECT_EQ(
      json.size(),
      identity + texts + lists +
          fields_between<Wide>(offsetof(hak_stats, monotonic_ms), offsetof(hak_stats, costs)) +
          fields_between<Half>(offsetof(hak_stats, parked_heaps), offsetof(hak_stats, classes)) +
          fields_between<Wide>(offsetof(hak_stats, spare_bound_bytes),
                               offsetof(hak_stats, knobs_adapt)) +
          fields_between<Half>(offsetof(hak_stats, knobs_adapt), offsetof(hak_stats, knobs)) +
          fields_between<Wide>(offsetof(hak_stats, huge_wanted_bytes),
                               offsetof(hak_stats, sites_seen)) +
          fields_between<Half>(offsetof(hak_stats, sites_seen), offsetof(hak_stats, sites)));
  EXPECT_EQ(json["costs"].size(), fields_between<double>(0, sizeof(hak_stats_costs)));
}

// Nothing lies between or behind the parts that are counted above.
static_assert(offsetof(hak_stats, best_fixed_arm) ==
              offsetof(hak_stats, costs) + sizeof(hak_stats_costs));
static_assert(offsetof(hak_stats, parked_heaps) ==
              offsetof(hak_stats, selector) + sizeof hak_stats::selector);
static_assert(offsetof(hak_stats, contexts) ==
              offsetof(hak_stats, classes) + sizeof hak_stats::classes);
static_assert(offsetof(hak_stats, spare_bound_bytes) ==
              offsetof(hak_stats, contexts) + sizeof hak_stats::contexts);
static_assert(offsetof(hak_stats, huge_wanted_bytes) ==
              offsetof(hak_stats, knobs) + sizeof hak_stats::knobs);
static_assert(sizeof(hak_stats) == offsetof(hak_stats, sites) + sizeof hak_stats::sites);

TEST(StatsJson, LeavesNothingOutOfItsLists) {
  using Wide = std::uint64_t;
  using Half = std::uint32_t;
  const nlohmann::json json = stats_json(sample_stats());
  const std::size_t halves = 4, arms = 3;  // of a context
  EXPECT_EQ(json["contexts"][0].size(),
            halves + arms +
                fields_between<Wide>(halves * sizeof(Half), offsetof(hak_stats_context, arm)));
  const std::size_t group_arm_and_module = 3;  // of a site
  EXPECT_EQ(json["sites"][0].size(),
            group_arm_and_module + fields_between<Wide>(0, offsetof(hak_stats_site, site_group)));
  const std::size_t name_and_trial = 2;  // of a knob
  EXPECT_EQ(
      json["knobs"][0].size(),
      name_and_trial +
          fields_between<Wide>(offsetof(hak_stats_knob, value), offsetof(hak_stats_knob, kept)) +
          fields_between<Half>(offsetof(hak_stats_knob, kept),
                               offsetof(hak_stats_knob, last_trial)));
  EXPECT_EQ(json["classes"][0].size(),
            2 + fields_between<Wide>(offsetof(hak_stats_class, blocks), sizeof(hak_stats_class)));
}

}  // namespace
}  // namespace hakmem::cli
