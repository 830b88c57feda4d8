// The flat page map's address space comes to count: below a limit of which hakmem does not hear, and as locked memory.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "process/counted_memory.hpp"
#include "support/opaque.hpp"

namespace {

using support::opaque;
using namespace counted;

constexpr rlimit kLimit = {2048 * kMiB, 2048 * kMiB};

class OutsideLimit : public WithFlatMap {};

bool limit_by_kernels_call() { return syscall(SYS_prlimit64, 0, RLIMIT_AS, &kLimit, nullptr) == 0; }

TEST_F(OutsideLimit, ByTheKernelsOwnCall) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    if (!limit_by_kernels_call()) return false;
    return are_whole(before) && are_whole(make_blocks(100)) && !has_flat_map() && has_room() && !has_room(3000 * kMiB);
  }), 0);
}

// The first that is refused is a small one.
TEST_F(OutsideLimit, LeavesRoomForSmallBlocks) {
  EXPECT_EQ(status_of_child([] {
    if (!limit_by_kernels_call()) return false;
    for (std::size_t bytes = 0; bytes < 300 * kMiB; bytes += 1000) {
      void* const block = opaque(std::malloc(1000));
      if (block == nullptr) return false;
      std::memset(block, 1, 1000);
    }
    return !has_flat_map();
  }), 0);
}

TEST_F(OutsideLimit, ByAnotherProcess) {
  int pipe_of[2];
  ASSERT_EQ(pipe(pipe_of), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::vector<Block> before = make_blocks(1);
    char byte = 0;
    const bool is_told = read(pipe_of[0], &byte, 1) == 1;
    _exit(is_told && are_whole(before) && has_room() && are_whole(make_blocks(9)) && !has_flat_map() ? 0 : 1);
  }
  EXPECT_EQ(prlimit(child, RLIMIT_AS, &kLimit, nullptr), 0);
  EXPECT_EQ(write(pipe_of[1], "", 1), 1);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  close(pipe_of[0]);
  close(pipe_of[1]);
}

// A limit that is far above what the map takes is no reason, nor is a block that no machine has.
TEST_F(OutsideLimit, WhatIsRefusedOtherwiseChangesNothing) {
  EXPECT_EQ(status_of_child([] {
    constexpr std::size_t kAbsurd = std::size_t{1} << 47;
    if (opaque(std::malloc(opaque(kAbsurd))) != nullptr || !has_flat_map()) return false;
    constexpr rlimit kFar = {std::size_t{1} << 44, std::size_t{1} << 44};
    return syscall(SYS_prlimit64, 0, RLIMIT_AS, &kFar, nullptr) == 0 && std::malloc(opaque(kAbsurd)) == nullptr && has_flat_map();
  }), 0);
}

// Another may be reading the map: it stays, and what the kernel refuses is refused.
TEST_F(OutsideLimit, AmongThreads) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    const bool done = limit_by_kernels_call() && !has_room() && has_flat_map();
    ends = true;
    other.join();
    return done && are_whole(std::vector<Block>(before.begin(), before.begin() + 10));
  }), 0);
}

// A process of its own that uses this one's memory, of which hakmem does not hear: it looks at every block of the program's.
TEST_F(OutsideLimit, AmongOthersThatUseTheMemory) {
  EXPECT_EQ(status_of_child([] {
    static std::atomic<bool> ends{false};
    alignas(16) static char stack[64 * 1024];
    const auto waits = [](void*) {
      while (!ends) syscall(SYS_sched_yield);
      return 0;
    };
    const pid_t other = clone(waits, stack + sizeof stack, CLONE_VM | SIGCHLD, nullptr);
    const bool done = other > 0 && limit_by_kernels_call() && !has_room() && has_flat_map();
    ends = true;
    waitpid(other, nullptr, 0);
    return done && has_room() && !has_flat_map();
  }), 0);
}

// A parent with threads has limited itself, and its kernel's limit is higher by the map; its child, alone, is limited further.
TEST_F(OutsideLimit, OfAChildWhoseLimitWasRaised) {
  EXPECT_EQ(status_of_child([] {
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    constexpr rlimit kHigher = {8192 * kMiB, 8192 * kMiB};
    bool done = setrlimit(RLIMIT_AS, &kHigher) == 0 && has_flat_map();
    done = done && status_of_child([] {
      rlimit limit{};
      const bool is_limited = limit_by_kernels_call() && has_room() && !has_flat_map();
      return is_limited && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == kLimit.rlim_cur;
    }) == 0;
    ends = true;
    other.join();
    return done;
  }), 0);
}

// That does not count the map.
TEST_F(OutsideLimit, OnDataChangesNothing) {
  EXPECT_EQ(status_of_child([] {
    constexpr rlimit kData = {200 * kMiB, 200 * kMiB};
    return setrlimit(RLIMIT_DATA, &kData) == 0 && !has_room() && has_flat_map() && has_room(10 * kMiB);
  }), 0);
}

constexpr uid_t kNobody = 65534;
constexpr rlimit kLocked = {256 * kMiB, 256 * kMiB};

std::size_t locked_bytes() {
  std::FILE* const file = std::fopen("/proc/self/status", "r");
  char line[256];
  unsigned long long kib = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "VmLck: %llu", &kib) == 1) break;
  }
  if (file != nullptr) std::fclose(file);
  return static_cast<std::size_t>(kib) << 10;
}

class LockedMemory : public WithFlatMap {
  void SetUp() override {
    WithFlatMap::SetUp();
    if (status_of_child([] { return syscall(SYS_mlockall, MCL_CURRENT) == 0; }) != 0) GTEST_SKIP() << "nobody may lock so much here";
  }
};

bool works_on() {
  for (const Block& block : make_blocks(1)) {
    if (block.bytes < kMiB && block.start == nullptr) return false;
    std::free(block.start);
  }
  return true;
}

TEST_F(LockedMemory, CountsWhatIsUsed) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    return mlockall(MCL_CURRENT) == 0 && !has_flat_map() && locked_bytes() < 1024 * kMiB && are_whole(before) && works_on();
  }), 0);
}

// Nothing is locked, or what comes later.
TEST_F(LockedMemory, WhereTheMapDoesNotCountItStays) {
  EXPECT_EQ(status_of_child([] { return mlockall(0) != 0 && mlockall(99) != 0 && mlockall(MCL_FUTURE) == 0 && has_flat_map() && works_on(); }), 0);
}

TEST_F(LockedMemory, AmongThreadsTheMapStaysAndIsUnlocked) {
  EXPECT_EQ(status_of_child([] {
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    const bool done = mlockall(MCL_CURRENT) == 0 && has_flat_map() && locked_bytes() < 1024 * kMiB && locked_bytes() > 0;
    ends = true;
    other.join();
    return done && works_on();
  }), 0);
}

// As a time server, or one that never had privileges.
TEST_F(LockedMemory, BelowALimit) {
  const auto becomes_nobody = [] { return setresuid(kNobody, kNobody, kNobody) == 0; };
  const auto limits_itself = [] { return setrlimit(RLIMIT_MEMLOCK, &kLocked) == 0; };
  if (status_of_child([&] { return limits_itself() && becomes_nobody(); }) != 0) GTEST_SKIP() << "the hard limit is lower here, or we are nobody";
  EXPECT_EQ(status_of_child([&] { return limits_itself() && mlockall(MCL_CURRENT | MCL_FUTURE) == 0 && becomes_nobody() && works_on(); }), 0);
  EXPECT_EQ(status_of_child([&] { return limits_itself() && becomes_nobody() && mlockall(MCL_CURRENT | MCL_FUTURE) == 0 && works_on(); }), 0);
}

}  // namespace
