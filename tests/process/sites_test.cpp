// Call sites: a large block remembers who in the program asked for it, whichever function it asked.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <time.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <ostream>
#include <set>

#include "hakmem/stats.h"

namespace {

constexpr std::size_t kBytes = 3 << 20;
constexpr std::size_t kAlignment = 4096;

[[gnu::always_inline]] inline void* by_new() { return ::operator new(kBytes); }
[[gnu::always_inline]] inline void* by_new_nothrow() {
  return ::operator new(kBytes, std::nothrow);
}
[[gnu::always_inline]] inline void* by_new_aligned() {
  return ::operator new (kBytes, std::align_val_t{kAlignment});
}
[[gnu::always_inline]] inline void* by_malloc() { return std::malloc(kBytes); }
[[gnu::always_inline]] inline void* by_calloc() { return std::calloc(kBytes / 8, 8); }
[[gnu::always_inline]] inline void* by_aligned_alloc() {
  return std::aligned_alloc(kAlignment, kBytes);
}
[[gnu::always_inline]] inline void* by_memalign() { return memalign(kAlignment, kBytes); }
[[gnu::always_inline]] inline void* by_valloc() { return valloc(kBytes); }
[[gnu::always_inline]] inline void* by_realloc_of_nothing() {
  return std::realloc(nullptr, kBytes);
}
[[gnu::always_inline]] inline void* by_realloc_of_small() {
  return std::realloc(std::malloc(100), kBytes);
}
[[gnu::always_inline]] inline void* by_posix_memalign() {
  void* block = nullptr;
  return posix_memalign(&block, kAlignment, kBytes) == 0 ? block : nullptr;
}

// A call site of its own: neither merged with another's (the number is in the code) nor left by a
// jump (there is code behind the call).
template <int N, void* (*Ask)()>
[[gnu::noinline]] void* ask() {
  asm volatile("# site %c0" ::"i"(N));
  void* block = Ask();
  asm volatile("" : "+r"(block));
  return block;
}

struct Way {
  const char* name;
  void* (*here)();
  void* (*there)();
};

// In the tests' names, instead of bytes.
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

template <void* (*Ask)()>
constexpr Way asked_by(const char* name) {
  return {name, ask<1, Ask>, ask<2, Ask>};
}

void use_and_wait(void* block) {
  ASSERT_NE(block, nullptr);
  std::memset(block, 1, kBytes);
  std::free(block);
  const timespec pause{0, 15'000'000};
  nanosleep(&pause, nullptr);
}

// Where in this program sites lie that idle blocks have been told of.
std::set<std::uint64_t> known_sites() {
  const auto get_stats =
      reinterpret_cast<int (*)(hak_stats*, std::size_t)>(dlsym(RTLD_DEFAULT, "hak_stats_get"));
  static hak_stats stats;
  if (get_stats == nullptr || get_stats(&stats, sizeof stats) != 0) return {};
  std::set<std::uint64_t> offsets;
  for (std::uint32_t i = 0; i < stats.site_count; ++i) {
    const hak_stats_site& site = stats.sites[i];
    if (std::strcmp(site.module, "process_tests") == 0 && site.block_bytes >= kBytes)
      offsets.insert(site.offset);
  }
  return offsets;
}

class Sites : public testing::TestWithParam<Way> {};

TEST_P(Sites, AreInTheProgramAndTwoForTwoCallers) {
  const std::set<std::uint64_t> before = known_sites();
  for (int i = 0; i < 12; ++i) {
    use_and_wait(GetParam().here());
    use_and_wait(GetParam().there());
  }
  std::set<std::uint64_t> added = known_sites();
  for (const std::uint64_t offset : before) added.erase(offset);
  EXPECT_GE(added.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Functions, Sites,
    testing::Values(asked_by<by_new>("New"), asked_by<by_new_nothrow>("NewNothrow"),
                    asked_by<by_new_aligned>("NewAligned"), asked_by<by_malloc>("Malloc"),
                    asked_by<by_calloc>("Calloc"), asked_by<by_aligned_alloc>("AlignedAlloc"),
                    asked_by<by_memalign>("Memalign"), asked_by<by_valloc>("Valloc"),
                    asked_by<by_posix_memalign>("PosixMemalign"),
                    asked_by<by_realloc_of_nothing>("ReallocOfNothing"),
                    asked_by<by_realloc_of_small>("ReallocOfSmall")),
    [](const testing::TestParamInfo<Way>& way) { return way.param.name; });

}  // namespace
