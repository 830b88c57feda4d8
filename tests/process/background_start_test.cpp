// When the background thread is there from the start: the shell is a program without threads, and
// names its own.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

bool has_background(Environment environment) {
  const support::ChildResult result = support::run_preloaded(
      {.command = {"/bin/sh", "-c", "cat /proc/$$/task/*/comm"}, .environment = std::move(environment)});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("sh\n"), std::string::npos) << result.out;
  return result.out.find("hakmem\n") != std::string::npos;
}

TEST(BackgroundStart, AutoHasNoneWithoutThreadsAndLimit) {
  EXPECT_FALSE(has_background({{"HAKMEM_BACKGROUND", "auto"}, {"HAKMEM_LIMIT", "off"}}));
}

TEST(BackgroundStart, AutoHasOneUnderALimit) {
  EXPECT_TRUE(has_background({{"HAKMEM_BACKGROUND", "auto"}, {"HAKMEM_LIMIT", "256M"}}));
}

TEST(BackgroundStart, OnHasOneAndOffHasNone) {
  EXPECT_TRUE(has_background({{"HAKMEM_BACKGROUND", "on"}, {"HAKMEM_LIMIT", "off"}}));
  EXPECT_FALSE(has_background({{"HAKMEM_BACKGROUND", "off"}, {"HAKMEM_LIMIT", "256M"}}));
}

}  // namespace
