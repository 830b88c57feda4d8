// Site keys: half of an address finds its module again, and what is nobody's code finds none.
#include "large/site_keys.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>

namespace hakmem {
namespace {

void here() {}

TEST(SiteKeys, HalfOfAnAddressFindsItsModule) {
  for (const auto address :
       {reinterpret_cast<std::uintptr_t>(&here), reinterpret_cast<std::uintptr_t>(&std::strtol)}) {
    os::Module module;
    if (!os::find_module(address, &module)) GTEST_SKIP() << "this C library cannot tell";
    std::uint64_t offset = 0;
    ASSERT_TRUE(locate_site(static_cast<learn::Site>(address), &module, &offset));
    EXPECT_EQ(module.start + offset, address);
    EXPECT_STRNE(module.name, "");
  }
}

TEST(SiteKeys, WhatIsNoCodeIsInNoModule) {
  int local = 0;
  os::Module module;
  std::uint64_t offset = 0;
  EXPECT_FALSE(locate_site(static_cast<learn::Site>(reinterpret_cast<std::uintptr_t>(&local)),
                           &module, &offset));
}

}  // namespace
}  // namespace hakmem
