// Explain: what the text says of a record, and that a short buffer is never written past its end.
#include "telemetry/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "telemetry/text.hpp"

namespace hakmem {
namespace {

using testing::HasSubstr;
using testing::Not;

hak_stats sample() {
  hak_stats stats{};
  stats.process_id = 42;
  stats.live_heaps = 2;
  stats.small_in_use = 6u << 20;
  stats.idle_run_bytes = 3u << 20;
  stats.bill_paid_s = 0.5;
  stats.bill_1s_s = 2;
  stats.bill_best_fixed_s = 0.25;
  std::strcpy(stats.best_fixed_arm, "keep");
  std::strcpy(stats.mode, "hybrid");
  stats.contexts_seen = stats.context_count = 1;
  stats.contexts[0].block_bytes = 5u << 20;
  stats.contexts[0].first_depth = 2;
  stats.contexts[0].last_depth = 3;
  stats.contexts[0].reuses = 77;
  std::strcpy(stats.contexts[0].arm, "free:1s,10s");
  std::strcpy(stats.contexts[0].best_fixed_arm, "30ms");
  stats.sites_seen = stats.site_count = 1;
  stats.sites[0].block_bytes = 7u << 20;
  stats.sites[0].offset = 0x12ab;
  std::strcpy(stats.sites[0].module, "libthing.so");
  return stats;
}

std::string text_of(const hak_stats& stats) {
  char buffer[4096];
  const std::size_t length = explain(stats, buffer, sizeof buffer);
  EXPECT_EQ(std::strlen(buffer), length);
  return buffer;
}

TEST(Explain, NamesCallSitesByModuleAndOffset) {
  hak_stats stats = sample();
  EXPECT_THAT(text_of(stats), HasSubstr("libthing.so+0x12ab\n"));
  stats.sites[0].module[0] = '\0';
  EXPECT_THAT(text_of(stats), HasSubstr(" 0x12ab\n"));
  stats.site_count = 0;
  EXPECT_THAT(text_of(stats), Not(HasSubstr("asked for by")));
}

TEST(Explain, SaysWhatTheKnobsDidAndWhy) {
  hak_stats stats = sample();
  EXPECT_THAT(text_of(stats), Not(HasSubstr("adaptive knobs")));
  stats.knobs_adapt = 1;
  stats.spare_bound_bytes = 32u << 20;
  stats.spare_unclaimed_bytes = 30u << 20;
  stats.knob_count = 1;
  std::strcpy(stats.knobs[0].name, "depot");
  std::strcpy(stats.knobs[0].last_trial, "no difference");
  stats.knobs[0].value = 524288;
  stats.knobs[0].static_value = 262144;
  const std::string text = text_of(stats);
  EXPECT_THAT(text, HasSubstr("2.0 MiB allowed of 32.0 MiB"));
  EXPECT_THAT(text, HasSubstr("depot"));
  EXPECT_THAT(text, HasSubstr("524288 (static 262144), moved 0 times; last trial: no difference"));
}

TEST(Explain, SaysWhatIsHeldAndWhy) {
  const std::string text = text_of(sample());
  EXPECT_THAT(text, HasSubstr("process 42, 2 heaps"));
  EXPECT_THAT(text, HasSubstr("in use: 6.0 MiB"));
  EXPECT_THAT(text, HasSubstr("3.0 MiB     idle blocks under 32 MiB"));
  EXPECT_THAT(text, Not(HasSubstr("own records"))) << "nothing is said of what is 0";
}

TEST(Explain, SaysWhatTheLimitIsWhereThereIsOne) {
  EXPECT_THAT(text_of(sample()), Not(HasSubstr("limit")));
  hak_stats limited = sample();
  limited.committed_bytes = 100u << 20;
  limited.limit_bytes = 256u << 20;
  limited.soft_limit_bytes = 224u << 20;
  EXPECT_THAT(
      text_of(limited),
      HasSubstr("memory limit: 100 MiB used of 256 MiB; nothing idle is kept from 224 MiB on\n"));
  limited.hard_limit_bytes = 1u << 30;
  EXPECT_THAT(text_of(limited), HasSubstr("on; allocations fail from 1.0 GiB on\n"));
}

TEST(Explain, SaysWhatItHasTaken) {
  hak_stats stats = sample();
  stats.learning_s = 0.001;
  stats.release_s = 0.02;
  stats.process_cpu_s = 10;
  stats.refault_bytes = 5u << 20;
  stats.prefaulted_bytes = 6u << 20;
  EXPECT_THAT(text_of(stats),
              HasSubstr("spent on learning 1.0 ms, on giving memory back 20.0 ms, of 10.0 s of CPU in "
                        "all; faulted in again because of that: at most 5.0 MiB\n"
                        "  made resident before it was touched: 6.0 MiB\n"));
}

TEST(Explain, SaysWhatLearningHasSaved) {
  EXPECT_THAT(
      text_of(sample()),
      HasSubstr("bill so far 500 ms; giving back after 1 s costs 2.0 s, saved 1.5 s; the best "
                "single rule, keep, costs 250 ms"));
  hak_stats worse = sample();
  worse.bill_paid_s = 3;
  EXPECT_THAT(text_of(worse), HasSubstr("lost 1.0 s"));
  hak_stats unscored = sample();
  unscored.bill_1s_s = 0;
  EXPECT_THAT(text_of(unscored), Not(HasSubstr("bill so far")));
}

TEST(Explain, NamesTheArmOfEachContext) {
  EXPECT_THAT(text_of(sample()),
              testing::ContainsRegex("5.0 MiB +2 to 3 +free:1s,10s +0 B +77 +0 +0 30ms\n"));
}

TEST(Explain, AShortBufferHasTheBeginning) {
  const hak_stats stats = sample();
  const std::string whole = text_of(stats);
  for (std::size_t size = 0; size <= whole.size() + 1; ++size) {
    std::string buffer(size + 8, '#');
    EXPECT_EQ(explain(stats, buffer.data(), size), whole.size());
    EXPECT_EQ(buffer.substr(size), "########");
    if (size == 0) continue;
    EXPECT_EQ(std::string(buffer.c_str()), whole.substr(0, size - 1));
  }
}

std::string seconds_text(double seconds) {
  char buffer[32];
  Text(buffer, sizeof buffer).seconds(seconds);
  return buffer;
}

std::string bytes_text(std::uint64_t bytes) {
  char buffer[32];
  Text(buffer, sizeof buffer).bytes(bytes);
  return buffer;
}

TEST(Text, HasUnits) {
  EXPECT_EQ(seconds_text(0), "0");
  EXPECT_EQ(seconds_text(12.34e-6), "12.3 us");
  EXPECT_EQ(seconds_text(0.9999e-3), "1.0 ms");
  EXPECT_EQ(seconds_text(0.25), "250 ms");
  EXPECT_EQ(seconds_text(-99.97), "-100 s");
  EXPECT_EQ(seconds_text(1e300), "forever");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text((1u << 20) - 1), "1.0 MiB");
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16.0 EiB");
}

}  // namespace
}  // namespace hakmem
