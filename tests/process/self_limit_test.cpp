// A program that limits its own address space after it has begun, as shells and servers do.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
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

unsigned count_threads() {
  return static_cast<unsigned>(number_in("/proc/self/stat", "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %llu"));
}

class SelfLimit : public WithFlatMap {};

TEST_F(SelfLimit, LeavesRoomForBlocks) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    if (setrlimit(RLIMIT_AS, &kLimit) != 0 || has_flat_map()) return false;
    const std::vector<Block> after = make_blocks(100);
    return are_whole(before) && are_whole(after) && has_room() && !has_room(3000 * kMiB);
  }), 0);
}

TEST_F(SelfLimit, ByTheOtherCall) {
  EXPECT_EQ(status_of_child([] { return prlimit(0, RLIMIT_AS, &kLimit, nullptr) == 0 && has_room(); }), 0);
  EXPECT_EQ(status_of_child([] { return prlimit(getpid(), RLIMIT_AS, &kLimit, nullptr) == 0 && has_room(); }), 0);
}

// The 24 GiB of the map would be half of it.
TEST_F(SelfLimit, ThatIsLong) {
  EXPECT_EQ(status_of_child([] {
    constexpr rlimit kLong = {52'000 * kMiB, 52'000 * kMiB};
    bool done = setrlimit(RLIMIT_AS, &kLong) == 0;
    for (int i = 0; i < 80; ++i) done = done && opaque(std::malloc(500 * kMiB)) != nullptr;
    return done;
  }), 0);
}

TEST_F(SelfLimit, ACallThatFailsChangesNothing) {
  EXPECT_EQ(status_of_child([] {
    constexpr rlimit kReversed = {2048 * kMiB, 1024 * kMiB};
    if (setrlimit(RLIMIT_AS, &kReversed) == 0 || errno != EINVAL || !has_flat_map()) return false;
    const rlimit* const none = opaque(static_cast<const rlimit*>(nullptr));
    return setrlimit(RLIMIT_AS, none) == 0 && has_flat_map() && are_whole(make_blocks(1));
  }), 0);
}

// As after a pool of workers. hakmem's own thread ends meanwhile, and is there again.
TEST_F(SelfLimit, AfterAllThreadsHaveEnded) {
  EXPECT_EQ(status_of_child([] {
    std::vector<Block> before;
    std::thread([&before] { before = make_blocks(1); }).join();
    if (setrlimit(RLIMIT_AS, &kLimit) != 0 || has_flat_map() || count_threads() != 2) return false;
    return are_whole(before) && are_whole(make_blocks(100)) && has_room();
  }), 0);
}

// As a worker process, or a judge's, before it runs what it does not trust.
TEST_F(SelfLimit, InTheChildOfAProcessWithThreads) {
  EXPECT_EQ(status_of_child([] {
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(100'000)));
    });
    const std::vector<Block> before = make_blocks(1);
    const int status = status_of_child([&before] {
      return setrlimit(RLIMIT_AS, &kLimit) == 0 && !has_flat_map() && are_whole(before) && are_whole(make_blocks(100)) && has_room();
    });
    ends = true;
    other.join();
    return status == 0 && has_flat_map() && are_whole(before);
  }), 0);
}

TEST_F(SelfLimit, ThreadsBeginBelowIt) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    if (setrlimit(RLIMIT_AS, &kLimit) != 0) return false;
    bool whole = false;
    std::thread([&] { whole = are_whole(before) && are_whole(make_blocks(50)); }).join();
    return whole && are_whole(make_blocks(7));
  }), 0);
}

// Another uses the map meanwhile: it stays, and the limit is as far above what the kernel counts.
TEST_F(SelfLimit, AmongThreads) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) {
        for (std::size_t bytes = 16; bytes < kMiB; bytes *= 3) std::free(opaque(std::malloc(bytes)));
      }
    });
    rlimit limit{};
    const bool done = setrlimit(RLIMIT_AS, &kLimit) == 0 && has_flat_map() && getrlimit(RLIMIT_AS, &limit) == 0;
    const bool is_so = limit.rlim_cur == kLimit.rlim_cur && limit.rlim_max == kLimit.rlim_max;
    ends = true;
    other.join();
    return done && is_so && are_whole(before) && are_whole(make_blocks(100)) && has_room() && !has_room(3000 * kMiB);
  }), 0);
}

// Lower and lower, as nobody may raise it again; and what it was is said.
TEST_F(SelfLimit, AmongThreadsAgain) {
  EXPECT_EQ(status_of_child([] {
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    constexpr rlimit kLower = {1000 * kMiB, 1500 * kMiB};
    rlimit before[2] = {};
    rlimit limit{};
    bool done = prlimit(0, RLIMIT_AS, &kLimit, &before[0]) == 0 && prlimit(getpid(), RLIMIT_AS, &kLower, &before[1]) == 0 &&
                getrlimit(RLIMIT_AS, &limit) == 0 && before[0].rlim_cur == RLIM_INFINITY && before[1].rlim_cur == kLimit.rlim_cur &&
                limit.rlim_cur == kLower.rlim_cur && limit.rlim_max == kLower.rlim_max && has_room() && !has_room(1200 * kMiB);
    limit.rlim_cur = limit.rlim_max;
    done = done && setrlimit(RLIMIT_AS, &limit) == 0 && has_room(1200 * kMiB);
    ends = true;
    other.join();
    return done && setrlimit(RLIMIT_AS, &limit) == 0 && has_room(1200 * kMiB);
  }), 0);
}

// As the kernel would: what was lowered among threads stays so when they have ended.
TEST_F(SelfLimit, NobodyRaisesTheHardLimitAgain) {
  EXPECT_EQ(status_of_child([] {
    constexpr uid_t kNobody = 65534;
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    bool done = setrlimit(RLIMIT_AS, &kLimit) == 0;
    ends = true;
    other.join();
    constexpr rlimit kHigher = {2 * kLimit.rlim_cur, 2 * kLimit.rlim_max};
    const bool is_privileged = geteuid() == 0 && setresuid(kNobody, kNobody, kNobody) != 0;
    done = done && (is_privileged || (setrlimit(RLIMIT_AS, &kHigher) != 0 && errno == EPERM));
    rlimit limit{};
    return done && setrlimit(RLIMIT_AS, &kLimit) == 0 && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_max == kLimit.rlim_max && has_room();
  }), 0);
}

// It is the parent's memory, and the child's limit.
TEST_F(SelfLimit, AVforksChildChangesNothing) {
  EXPECT_EQ(status_of_child([] {
    const std::vector<Block> before = make_blocks(1);
    const pid_t child = vfork();
    if (child == 0) _exit(setrlimit(RLIMIT_AS, &kLimit) == 0 && kernel_limit(RLIMIT_AS).rlim_cur == kLimit.rlim_cur ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0 || !has_flat_map()) return false;
    for (int i = 0; i < 8; ++i) std::free(opaque(std::malloc(kMiB)));
    return are_whole(before);
  }), 0);
}

// As before it executes what it does not trust: that gets the very limit.
TEST_F(SelfLimit, InAChildThatCanOpenNothing) {
  if (status_of_child([] { return unshare(CLONE_VM) == 0; }) != 0) GTEST_SKIP() << "unshare is forbidden here, and nobody can say who is alone";
  EXPECT_EQ(status_of_child([] {
    std::thread([] { std::free(opaque(std::malloc(100))); }).join();
    return status_of_child([] {
      constexpr rlimit kNoFiles = {0, 0};
      if (setrlimit(RLIMIT_NOFILE, &kNoFiles) != 0 || setrlimit(RLIMIT_AS, &kLimit) != 0) return false;
      return kernel_limit(RLIMIT_AS).rlim_cur == kLimit.rlim_cur && has_room();
    }) == 0;
  }), 0);
}

// Of one thread, and of one that has others; in a child of the latter, too.
TEST_F(SelfLimit, AfterAStepToASandbox) {
  const auto limits_itself = [](auto has_done) {
    rlimit limit{};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_AS, &kLimit) != 0) return false;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == kLimit.rlim_cur && has_room() && !has_room(3000 * kMiB) && has_done();
  };
  const auto nothing = [] { return true; };
  EXPECT_EQ(status_of_child([&] { return limits_itself(nothing); }), 0);
  EXPECT_EQ(status_of_child([&] {
    std::atomic<bool> ends{false};
    std::thread other([&ends] {
      while (!ends) std::free(opaque(std::malloc(1000)));
    });
    const bool done = limits_itself([&] { return status_of_child([&] { return limits_itself(nothing); }) == 0; });
    ends = true;
    other.join();
    return done;
  }), 0);
}

}  // namespace
