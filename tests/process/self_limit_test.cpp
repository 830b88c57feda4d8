// A program that limits its own address space after it has begun, as shells and servers do.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "support/opaque.hpp"

namespace {

using support::opaque;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr rlimit kLimit = {2048 * kMiB, 2048 * kMiB};

struct Block {
  unsigned char* start;
  std::size_t bytes;
  unsigned char mark;
};

// Of all kinds, and some of them used again at once.
std::vector<Block> make_blocks(unsigned char mark) {
  std::vector<Block> blocks;
  for (std::size_t bytes = 1; bytes < 40 * kMiB; bytes += bytes / 3 + 1) {
    for (int i = 0; i < 4; ++i) std::free(opaque(std::malloc(bytes)));
    blocks.push_back({static_cast<unsigned char*>(std::malloc(bytes)), bytes, mark++});
    if (blocks.back().start != nullptr) std::memset(blocks.back().start, blocks.back().mark, bytes < kMiB ? bytes : kMiB);
  }
  return blocks;
}

// What is whole grows by a half, and is freed.
bool are_whole(const std::vector<Block>& blocks) {
  for (const Block& block : blocks) {
    if (block.start == nullptr || block.start[0] != block.mark || block.start[(block.bytes < kMiB ? block.bytes : kMiB) - 1] != block.mark)
      return false;
    auto* const grown = static_cast<unsigned char*>(std::realloc(block.start, block.bytes + block.bytes / 2));
    if (grown == nullptr || grown[0] != block.mark) return false;
    std::free(grown);
  }
  return true;
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

TEST(SelfLimit, LeavesRoomForBlocks) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    if (setrlimit(RLIMIT_AS, &kLimit) != 0) return false;
    const std::vector<Block> after = make_blocks(100);
    return are_whole(before) && are_whole(after) && std::malloc(400 * kMiB) != nullptr && std::malloc(3000 * kMiB) == nullptr;
  }), 0);
}

TEST(SelfLimit, ByTheOtherCall) {
  EXPECT_EQ(status_of_child([] {
    if (prlimit(0, RLIMIT_AS, &kLimit, nullptr) != 0) return false;
    return std::malloc(400 * kMiB) != nullptr;
  }), 0);
}

TEST(SelfLimit, ThreadsBeginBelowIt) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    if (setrlimit(RLIMIT_AS, &kLimit) != 0) return false;
    bool whole = false;
    std::thread([&] { whole = are_whole(before) && are_whole(make_blocks(50)); }).join();
    return whole && are_whole(make_blocks(7));
  }), 0);
}

// Others may be using what would have to go: the limit holds, and there may be no memory any more.
TEST(SelfLimit, AmongThreadsNothingIsLost) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    bool whole = true;
    std::thread([&] {
      if (setrlimit(RLIMIT_AS, &kLimit) != 0) whole = false;
      for (const Block& block : before) whole = whole && block.start[0] == block.mark;
      for (const Block& block : before) std::free(block.start);
      std::free(opaque(std::malloc(100)));
    }).join();
    return whole;
  }), 0);
}

// It is the parent's memory.
TEST(SelfLimit, AVforksChildChangesNothing) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    const pid_t child = vfork();
    if (child == 0) {
      setrlimit(RLIMIT_AS, &kLimit);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    for (int i = 0; i < 8; ++i) std::free(opaque(std::malloc(kMiB)));
    return are_whole(before);
  }), 0);
}

}  // namespace
