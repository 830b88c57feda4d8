// Call sites: a large block remembers who in the program asked for it, through operator new too.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <time.h>

#include <cstring>
#include <new>
#include <set>

#include "hakmem/stats.h"

namespace {

constexpr std::size_t kBytes = 3 << 20;

[[gnu::noinline]] void* ask_here() { return ::operator new(kBytes); }
[[gnu::noinline]] void* ask_there() { return ::operator new(kBytes, std::nothrow); }

void use_and_wait(void* block) {
  std::memset(block, 1, kBytes);
  ::operator delete(block);
  const timespec pause{0, 30'000'000};
  nanosleep(&pause, nullptr);
}

TEST(Sites, OfOperatorNewAreInTheProgram) {
  const auto get_stats = reinterpret_cast<int (*)(hak_stats*, std::size_t)>(dlsym(RTLD_DEFAULT, "hak_stats_get"));
  ASSERT_NE(get_stats, nullptr);
  for (int i = 0; i < 12; ++i) {
    use_and_wait(ask_here());
    use_and_wait(ask_there());
  }
  hak_stats stats = {};
  ASSERT_EQ(get_stats(&stats, sizeof stats), 0);
  std::set<std::uint64_t> offsets;
  for (std::uint32_t i = 0; i < stats.site_count; ++i) {
    const hak_stats_site& site = stats.sites[i];
    if (std::strcmp(site.module, "process_tests") == 0 && site.block_bytes >= kBytes) offsets.insert(site.offset);
  }
  EXPECT_GE(offsets.size(), 2u);
}

}  // namespace
