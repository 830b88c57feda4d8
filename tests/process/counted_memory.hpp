// What tests of limits on a process's memory share: blocks that must stay whole, and what the kernel counts.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/opaque.hpp"

namespace counted {

using support::opaque;

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Block {
  unsigned char* start;
  std::size_t bytes;
  unsigned char mark;
};

// Of all kinds, and some of them used again at once.
inline std::vector<Block> make_blocks(unsigned char mark) {
  std::vector<Block> blocks;
  for (std::size_t bytes = 1; bytes < 40 * kMiB; bytes += bytes / 3 + 1) {
    for (int i = 0; i < 4; ++i) std::free(opaque(std::malloc(bytes)));
    blocks.push_back({static_cast<unsigned char*>(std::malloc(bytes)), bytes, mark++});
    if (blocks.back().start != nullptr) std::memset(blocks.back().start, blocks.back().mark, bytes < kMiB ? bytes : kMiB);
  }
  return blocks;
}

// What is whole grows by a half, and is freed.
inline bool are_whole(const std::vector<Block>& blocks) {
  for (const Block& block : blocks) {
    if (block.start == nullptr || block.start[0] != block.mark || block.start[(block.bytes < kMiB ? block.bytes : kMiB) - 1] != block.mark)
      return false;
    auto* const grown = static_cast<unsigned char*>(std::realloc(block.start, block.bytes + block.bytes / 2));
    if (grown == nullptr || grown[0] != block.mark) return false;
    std::free(grown);
  }
  return true;
}

inline std::size_t number_in(const char* path, const char* format) {
  unsigned long long number = 0;
  std::FILE* const file = std::fopen(path, "r");
  if (file == nullptr || std::fscanf(file, format, &number) != 1) number = 0;
  if (file != nullptr) std::fclose(file);
  return static_cast<std::size_t>(number);
}

// The flat page map's address space is larger than all else together.
inline bool has_flat_map() { return number_in("/proc/self/statm", "%llu") * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) > 16'000 * kMiB; }

inline bool has_room(std::size_t bytes = 400 * kMiB) {
  void* const block = opaque(std::malloc(bytes));
  std::free(block);
  return block != nullptr;
}

// 0: `work` returned true. Otherwise the child's status.
template <typename Work>
int status_of_child(Work work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

// What the kernel has, whatever the C library's functions say.
inline rlimit kernel_limit(int resource) {
  rlimit limit{};
  syscall(SYS_prlimit64, 0, resource, nullptr, &limit);
  return limit;
}

// Where address space is counted already the map is compact from the start, and there is nothing to see.
class WithFlatMap : public testing::Test {
 protected:
  void SetUp() override {
    const bool is_limited = kernel_limit(RLIMIT_AS).rlim_cur != RLIM_INFINITY || kernel_limit(RLIMIT_DATA).rlim_cur != RLIM_INFINITY;
    if (is_limited || number_in("/proc/sys/vm/overcommit_memory", "%llu") == 2) GTEST_SKIP() << "address space is counted already";
    ASSERT_TRUE(has_flat_map());
  }
};

}  // namespace counted
