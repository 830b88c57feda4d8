// Tests of the table of library options: flags, checks, and the environment they make.
#include "library_options.hpp"

#include <gtest/gtest.h>

#include <set>

namespace hakmem::cli {
namespace {

const LibraryOption& option_named(std::string_view flag) {
  for (const LibraryOption& option : library_options()) {
    if (option.flag == flag) return option;
  }
  throw std::invalid_argument("no such flag");
}

// What `hakmem run ARGUMENTS` would put into an empty environment.
Environment environment_after(const std::string& arguments) {
  CLI::App app;
  LibraryValues values;
  add_library_flags(app, values);
  app.parse(arguments);
  Environment environment;
  put_into(values, environment);
  return environment;
}

TEST(LibraryOptions, FlagsAndVariablesAreDistinct) {
  std::set<std::string> names;
  for (const LibraryOption& option : library_options()) {
    EXPECT_TRUE(names.insert(option.flag).second) << option.flag;
    EXPECT_TRUE(names.insert(option.variable).second) << option.variable;
    EXPECT_TRUE(std::string_view(option.variable).starts_with("HAKMEM_"));
  }
}

TEST(LibraryOptions, WordsAreMatchedWhole) {
  const LibraryOption& thp = option_named("--thp");
  EXPECT_EQ(check_value(thp, "auto"), "");
  EXPECT_EQ(check_value(thp, "never"), "");
  EXPECT_NE(check_value(thp, "auto|never"), "");
  EXPECT_NE(check_value(thp, "aut"), "");
  EXPECT_NE(check_value(thp, ""), "");
}

TEST(LibraryOptions, NumbersStayWithinTheirRange) {
  const LibraryOption& delay = option_named("--purge-delay");
  EXPECT_EQ(check_value(delay, "0"), "");
  EXPECT_EQ(check_value(delay, "600000"), "");
  EXPECT_NE(check_value(delay, "600001"), "");
  EXPECT_NE(check_value(delay, "-1"), "");
  EXPECT_NE(check_value(delay, "1s"), "");
  EXPECT_NE(check_value(delay, "99999999999999999999"), "");
}

TEST(LibraryOptions, FlagsBecomeVariables) {
  const Environment environment =
      environment_after("--thp always --purge-delay 250 --stats out.%p --verbose");
  EXPECT_EQ(environment.get("HAKMEM_THP"), "always");
  EXPECT_EQ(environment.get("HAKMEM_PURGE_DELAY"), "250");
  EXPECT_EQ(environment.get("HAKMEM_STATS"), "out.%p");
  EXPECT_EQ(environment.get("HAKMEM_VERBOSE"), "1");
  EXPECT_EQ(environment.get("HAKMEM_MODE"), std::nullopt);
}

TEST(LibraryOptions, SelectorsAreThoseTheLearnerKnows) {
  const LibraryOption& selector = option_named("--selector");
  for (const char* good :
       {"hindsight", "ucb1", "elo", "low-water", "peak", "glibc", "fixed:4.2s", "fixed:keep"}) {
    EXPECT_EQ(check_value(selector, good), "") << good;
  }
  for (const char* bad : {"", "best", "fixed:5s", "fixed"}) {
    EXPECT_NE(check_value(selector, bad).find("fixed:ARM; ARM is one of 0 3ms"), std::string::npos)
        << bad;
  }
}

TEST(LibraryOptions, BadValuesAreRefused) {
  EXPECT_THROW(environment_after("--thp sometimes"), CLI::ValidationError);
  EXPECT_THROW(environment_after("--purge-delay soon"), CLI::ValidationError);
}

}  // namespace
}  // namespace hakmem::cli
