// Options: good values are taken, everything else is named on stderr and changes nothing.
#include "config/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hakmem {
namespace {

using testing::HasSubstr;

struct Outcome {
  Settings settings;
  std::string said;
};

Outcome read(const std::vector<const char*>& variables) {
  std::vector<const char*> environment = variables;
  environment.push_back(nullptr);
  Outcome outcome;
  testing::internal::CaptureStderr();
  read_options(environment.data(), outcome.settings);
  outcome.said = testing::internal::GetCapturedStderr();
  return outcome;
}

bool same(const Settings& a, const Settings& b) {
  return a.huge_pages == b.huge_pages && a.purge_delay_ms == b.purge_delay_ms && a.verbose == b.verbose &&
         a.stats_path == b.stats_path;
}

TEST(Options, GoodValuesAreTaken) {
  const Outcome all = read({"HOME=/", "HAKMEM_THP=always", "HAKMEM_PURGE_DELAY=250", "HAKMEM_MODE=static",
                            "HAKMEM_STATS=/tmp/s.%p", "HAKMEM_PROFILE=p", "HAKMEM_VERBOSE=1"});
  EXPECT_STREQ(all.settings.profile_path, "p");
  EXPECT_EQ(all.said, "");
  EXPECT_EQ(all.settings.huge_pages, HugePagePolicy::kAlways);
  EXPECT_EQ(all.settings.purge_delay_ms, 250u);
  EXPECT_STREQ(all.settings.stats_path, "/tmp/s.%p");
  EXPECT_TRUE(all.settings.verbose);
  EXPECT_EQ(read({"HAKMEM_THP=never"}).settings.huge_pages, HugePagePolicy::kNever);
  EXPECT_EQ(read({"HAKMEM_THP=never", "HAKMEM_THP=auto"}).settings.huge_pages, HugePagePolicy::kAuto);
  EXPECT_FALSE(read({"HAKMEM_VERBOSE=1", "HAKMEM_VERBOSE=0"}).settings.verbose);
}

TEST(Options, LimitsAreBytesPercentAndWords) {
  using Kind = LimitChoice::Kind;
  const auto limit = [](const char* variable) { return read({variable}).settings.limit; };
  EXPECT_EQ(read({}).settings.limit.kind, Kind::kAuto);
  EXPECT_EQ(read({}).settings.hard_limit.kind, Kind::kOff);
  EXPECT_EQ(limit("HAKMEM_LIMIT=off").kind, Kind::kOff);
  EXPECT_EQ(limit("HAKMEM_LIMIT=80%").kind, Kind::kPercent);
  EXPECT_EQ(limit("HAKMEM_LIMIT=80%").value, 80u);
  EXPECT_EQ(limit("HAKMEM_LIMIT=4096").value, 4096u);
  EXPECT_EQ(limit("HAKMEM_LIMIT=3K").value, 3u << 10);
  EXPECT_EQ(limit("HAKMEM_LIMIT=256M").value, 256u << 20);
  EXPECT_EQ(limit("HAKMEM_LIMIT=5G").value, std::uint64_t{5} << 30);
  EXPECT_EQ(read({"HAKMEM_HARD_LIMIT=1G"}).settings.hard_limit.value, std::uint64_t{1} << 30);
}

TEST(Options, BadLimitsAreNamedAndChangeNothing) {
  for (const char* bad : {"HAKMEM_LIMIT=", "HAKMEM_LIMIT=0", "HAKMEM_LIMIT=0%", "HAKMEM_LIMIT=101%", "HAKMEM_LIMIT=-1",
                          "HAKMEM_LIMIT=1MB", "HAKMEM_LIMIT=99999999999999999999", "HAKMEM_LIMIT=99999999999G"}) {
    const Outcome outcome = read({bad});
    EXPECT_THAT(outcome.said, HasSubstr("1% to 100%")) << bad;
    EXPECT_EQ(outcome.settings.limit.kind, LimitChoice::Kind::kAuto) << bad;
  }
  EXPECT_THAT(read({"HAKMEM_HARD_LIMIT=auto"}).said, HasSubstr("off, BYTES"));
}

TEST(Options, TheEndsOfARangeAreAllowed) {
  EXPECT_EQ(read({"HAKMEM_PURGE_DELAY=0"}).settings.purge_delay_ms, 0u);
  EXPECT_EQ(read({"HAKMEM_PURGE_DELAY=600000"}).settings.purge_delay_ms, 600'000u);
}

TEST(Options, BadValuesAreNamedWithWhatIsAllowedAndChangeNothing) {
  const struct {
    const char* variable;
    const char* allowed;
  } bad[] = {
      {"HAKMEM_THP=", "auto, always, never"},     {"HAKMEM_THP=Always", "auto, always, never"},
      {"HAKMEM_THP=always ", "auto, always"},     {"HAKMEM_PURGE_DELAY=", "0 to 600000"},
      {"HAKMEM_PURGE_DELAY=-1", "0 to 600000"},   {"HAKMEM_PURGE_DELAY=600001", "0 to 600000"},
      {"HAKMEM_PURGE_DELAY=1s", "0 to 600000"},   {"HAKMEM_PURGE_DELAY=4294967296", "0 to 600000"},
      {"HAKMEM_PURGE_DELAY=18446744073709551617", "0 to 600000"},
      {"HAKMEM_MODE=adaptiv", "static"},          {"HAKMEM_STATS=", "a file's path"},
      {"HAKMEM_VERBOSE=2", "0, 1"},               {"HAKMEM_VERBOSE=", "0, 1"},
      {"HAKMEM_VERBOSE=10", "0, 1"},
  };
  for (const auto& one : bad) {
    const Outcome outcome = read({one.variable});
    EXPECT_TRUE(same(outcome.settings, Settings{})) << one.variable;
    EXPECT_THAT(outcome.said, HasSubstr(std::string(one.variable) + " ignored"));
    EXPECT_THAT(outcome.said, HasSubstr(one.allowed)) << one.variable;
  }
}

TEST(Options, UnknownNamesAreReportedWithTheOptionsThereAre) {
  for (const char* variable : {"HAKMEM_THPX=always", "HAKMEM_TH=always", "HAKMEM_=1", "HAKMEM_thp=never"}) {
    const Outcome outcome = read({variable});
    EXPECT_TRUE(same(outcome.settings, Settings{})) << variable;
    const std::string text = variable;
    EXPECT_THAT(outcome.said, HasSubstr("unknown option " + text.substr(0, text.find('=')) + " ignored"));
    for (std::size_t i = 0; i < kOptionCount; ++i) EXPECT_THAT(outcome.said, HasSubstr(kOptions[i].name));
  }
}

TEST(Options, OneBadVariableDoesNotHideTheNext) {
  const Outcome outcome = read({"HAKMEM_NONE=1", "HAKMEM_THP=maybe", "HAKMEM_PURGE_DELAY=7"});
  EXPECT_EQ(outcome.settings.purge_delay_ms, 7u);
  EXPECT_THAT(outcome.said, HasSubstr("HAKMEM_NONE"));
  EXPECT_THAT(outcome.said, HasSubstr("HAKMEM_THP=maybe"));
}

TEST(Options, OthersVariablesAreNotLookedAt) {
  const Outcome outcome = read({"XHAKMEM_THP=always", "HAKMEM=always", "hakmem_THP=never", "HAKMEM_THP", ""});
  EXPECT_EQ(outcome.said, "");
  EXPECT_TRUE(same(outcome.settings, Settings{}));
}

TEST(Options, LongNamesAndValuesAreCutNotOverrun) {
  const std::string name = std::string("HAKMEM_").append(3000, 'N').append("=1");
  const std::string value = std::string("HAKMEM_THP=").append(3000, 'v');
  const Outcome outcome = read({name.c_str(), value.c_str()});
  EXPECT_THAT(outcome.said, HasSubstr("HAKMEM_NNN"));
  EXPECT_THAT(outcome.said, HasSubstr("HAKMEM_THP=vvv"));
  EXPECT_LT(outcome.said.size(), 2048u);
}

TEST(Options, NoEnvironmentIsNoOptions) {
  Settings settings;
  read_options(nullptr, settings);
  EXPECT_TRUE(same(settings, Settings{}));
}

// The default that the table promises is the one that Settings starts from.
TEST(Options, TheTablesDefaultsAreInForce) {
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    if (std::string(kOptions[i].default_value) == "none") continue;
    Settings parsed;
    EXPECT_TRUE(kOptions[i].parse(kOptions[i].default_value, parsed)) << kOptions[i].name;
    EXPECT_TRUE(same(parsed, Settings{})) << kOptions[i].name;
  }
}

}  // namespace
}  // namespace hakmem
