// Huge pages: what the kernel says about them, read as its files have it.
#include <gtest/gtest.h>

#include <fstream>

#include "os/memory.hpp"

namespace hakmem::os {
namespace {

// A kernel that nobody has asked for reports names an order that no page has; an older one has no such file.
TEST(HugePages, AHostTakesFreePagesWhereAnOrderIsReported) {
  std::ifstream file("/sys/module/page_reporting/parameters/page_reporting_order");
  unsigned long order = 0;
  const bool is_told = static_cast<bool>(file >> order) && order > 0 && order < 20;
  EXPECT_EQ(host_takes_free_pages(), is_told);
}

}  // namespace
}  // namespace hakmem::os
