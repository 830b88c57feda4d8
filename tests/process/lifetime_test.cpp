// The first and the last call of a process, and libraries that come and go.
#include <gtest/gtest.h>

#include "support/child.hpp"

namespace {

using support::ChildResult;

TEST(Lifetime, AllocatesBeforeMainAndAfterIt) {
  const ChildResult result =
      support::run_preloaded({.command = {TEST_PROGRAMS "/early_and_late", ALLOCATING_LIBRARY}});
  EXPECT_EQ(result.out, "main ran\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.signal, 0);
}

TEST(Lifetime, AllocatorIsLoadedIntoARunningProgram) {
  const ChildResult result =
      support::run_child({.command = {TEST_PROGRAMS "/loads_allocator", HAKMEM_LIBRARY}});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, "unloaded\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.signal, 0);
}

// Preloaded and loaded once more by name: the same library, not a second allocator.
TEST(Lifetime, AllocatorIsLoadedOnTopOfItself) {
  const ChildResult result =
      support::run_preloaded({.command = {TEST_PROGRAMS "/loads_allocator", HAKMEM_LIBRARY}});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, "unloaded\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Lifetime, ProgramsWithoutStandardStreams) {
  const ChildResult result = support::run_preloaded(
      {.command = {"/bin/sh", "-c", "/bin/ls / <&- >&- 2>&-; [ $? -lt 3 ] && echo survived"}});
  EXPECT_EQ(result.out, "survived\n");
  EXPECT_EQ(result.err, "");
}

// The library's own thread must not be the one that keeps the process, also of a program that has another allocator.
TEST(Lifetime, EndsWithItsLastThreadWhenMainHasLeft) {
  for (const char* program : {TEST_PROGRAMS "/leaves_main", TEST_PROGRAMS "/leaves_main_without_us"}) {
    for (const char* background : {"auto", "on"}) {
      const ChildResult result =
          support::run_preloaded({.command = {program}, .environment = {{"HAKMEM_BACKGROUND", background}}, .seconds = 10});
      EXPECT_EQ(result.out, "last\n") << program << ", " << background;
      EXPECT_EQ(result.exit_code, 0) << program << ", " << background;
      EXPECT_EQ(result.signal, 0) << program << ", " << background;
    }
  }
}

}  // namespace
