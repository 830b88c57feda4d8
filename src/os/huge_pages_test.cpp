// Huge pages: what the kernel says about them, read as its files have it.
#include <gtest/gtest.h>

#include "os/memory.hpp"

namespace hakmem::os {
namespace {

TEST(HugePages, AHostTakesFreePagesOfAnOrderThatThereIs) {
  for (const char* text : {"9\n", "10\n", "1\n"}) EXPECT_TRUE(is_reported_order(text)) << text;
}

TEST(HugePages, AHostThatNobodyTellsTakesNone) {
  for (const char* text : {"", "\n", "0\n", "11\n", "19\n", "100\n", "4294967295\n", "-1\n", "N\n"}) EXPECT_FALSE(is_reported_order(text)) << text;
}

}  // namespace
}  // namespace hakmem::os
