// Tests of the environment handed to programs and of the order of preloads.
#include "environment.hpp"

#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

TEST(Environment, SetReplacesAndUnsetRemoves) {
  Environment environment({"A=1", "AB=2"});
  environment.set("A", "3");
  EXPECT_EQ(environment.get("A"), "3");
  EXPECT_EQ(environment.get("AB"), "2");
  EXPECT_EQ(environment.pointers().size(), 3u);
  environment.unset("A");
  EXPECT_EQ(environment.get("A"), std::nullopt);
  EXPECT_EQ(environment.get("AB"), "2");
}

TEST(Environment, PointersEndWithNull) {
  Environment environment({"A=1"});
  const auto pointers = environment.pointers();
  ASSERT_EQ(pointers.size(), 2u);
  EXPECT_STREQ(pointers[0], "A=1");
  EXPECT_EQ(pointers[1], nullptr);
}

TEST(Environment, InheritsThisProcess) {
  ASSERT_EQ(setenv("HAKMEM_CLI_TEST", "value", 1), 0);
  EXPECT_EQ(Environment::inherited().get("HAKMEM_CLI_TEST"), "value");
  unsetenv("HAKMEM_CLI_TEST");
}

TEST(PrependPreload, StandsAloneWhenThereIsNone) {
  EXPECT_EQ(prepend_preload("/lib/h.so", ""), "/lib/h.so");
}

TEST(PrependPreload, KeepsExistingPreloadsBehindTheLibrary) {
  EXPECT_EQ(prepend_preload("/lib/h.so", "/a.so:/b.so"), "/lib/h.so:/a.so:/b.so");
  EXPECT_EQ(prepend_preload("/lib/h.so", "/a.so  /b.so"), "/lib/h.so:/a.so:/b.so");
}

TEST(PrependPreload, NamesTheLibraryOnce) {
  EXPECT_EQ(prepend_preload("/lib/h.so", "/a.so:/lib/h.so"), "/lib/h.so:/a.so");
}

}  // namespace
}  // namespace hakmem::cli
