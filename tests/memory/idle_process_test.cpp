// A process that allocated 1 GiB, freed it and only sleeps: with the background thread it gives the
// memory back; without it a bounded part stays and the kernel may take the rest.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/opaque.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;

// From smaps_rollup, KiB. 0 where the kernel does not say.
std::size_t lazily_freed_mib() {
  std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "re");
  if (file == nullptr) return 0;
  char line[256];
  std::size_t kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) std::sscanf(line, "LazyFree: %zu", &kib);
  std::fclose(file);
  return kib >> 10;
}

void allocate_and_free(std::size_t total, std::size_t block_bytes) {
  std::vector<void*> blocks;
  for (std::size_t made = 0; made < total; made += block_bytes) {
    blocks.push_back(std::malloc(support::opaque(block_bytes)));
    std::memset(blocks.back(), 1, block_bytes);
  }
  for (void* block : blocks) std::free(block);
}

class IdleProcess : public testing::TestWithParam<std::size_t> {};

TEST_P(IdleProcess, KeepsABoundedPart) {
  allocate_and_free(1024 * kMiB, GetParam());
  const char* background = std::getenv("HAKMEM_BACKGROUND");
  if (background != nullptr && std::strcmp(background, "on") == 0) {
    EXPECT_LT(support::resident_mib_within(64, 10), 64u);
    return;
  }
  constexpr std::size_t kKept = 128;
  constexpr std::size_t kProgram = 32;  // the test itself, and thread caches
  EXPECT_LE(support::resident_mib(), kKept + kProgram + lazily_freed_mib());
}

INSTANTIATE_TEST_SUITE_P(Blocks, IdleProcess, testing::Values(4096, 256 << 10, 4 << 20, 64 << 20));

}  // namespace
