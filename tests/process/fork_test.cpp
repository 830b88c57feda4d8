// fork at any moment from a threaded program: the child can allocate, free what others allocated,
// and fork again.
//
// Whoever hangs is ended by SIGALRM: a child by its own alarm, which its parent then sees in the
// status, the parent by the alarm of the fixture.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "process/busy_threads.hpp"
#include "support/opaque.hpp"
#include "support/rounds.hpp"

namespace {

using support::opaque;

constexpr unsigned kChildSeconds = 20;

class Fork : public testing::Test {
 protected:
  void SetUp() override { alarm(100); }
  void TearDown() override { alarm(0); }
};

// True when `child` ended by itself with code 0.
bool ended_well(pid_t child) {
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void allocate_in_every_tier() {
  std::vector<void*> blocks;
  for (std::size_t size = 1; size < 300'000; size = size * 2 + 1) {
    void* const block = std::calloc(opaque(size), 1);
    if (block == nullptr) _exit(3);
    std::memset(block, 0x5A, size);
    blocks.push_back(std::realloc(block, opaque(size + size / 2)));
  }
  for (void* block : blocks) std::free(block);
}

// What a child does: work, free blocks from before the fork, start a thread, fork again.
[[noreturn]] void live_as_child(const std::vector<void*>& inherited, int generation) {
  alarm(kChildSeconds);
  allocate_in_every_tier();
  for (void* block : inherited) std::free(block);
  std::thread(allocate_in_every_tier).join();
  if (generation < 2) {
    const pid_t grandchild = fork();
    if (grandchild == 0) live_as_child({}, generation + 1);
    if (!ended_well(grandchild)) _exit(4);
  }
  allocate_in_every_tier();
  _exit(0);
}

TEST_F(Fork, WhileEightThreadsAllocate) {
  process::BusyThreads threads(8);
  for (support::Rounds rounds(200); rounds.begin_next();) {
    std::vector<void*> mine(50);
    for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = std::malloc(opaque(i * i * 7));
    const pid_t child = fork();
    if (child == 0) live_as_child(mine, 1);
    ASSERT_TRUE(ended_well(child)) << "round " << rounds.current();
    for (void* block : mine) std::free(block);
  }
}

TEST_F(Fork, FromSeveralThreadsAtOnce) {
  process::BusyThreads threads(2);
  std::atomic<int> bad{0};
  std::vector<std::thread> forkers;
  for (int i = 0; i < 4; ++i) {
    forkers.emplace_back([&] {
      for (support::Rounds rounds(30); rounds.begin_next();) {
        const pid_t child = fork();
        if (child == 0) live_as_child({}, 2);
        if (!ended_well(child)) ++bad;
      }
    });
  }
  for (std::thread& forker : forkers) forker.join();
  EXPECT_EQ(bad.load(), 0);
}

TEST_F(Fork, WhileThreadsComeAndGo) {
  std::atomic<bool> stop{false};
  std::thread spawner([&] {
    while (!stop) std::thread(allocate_in_every_tier).join();
  });
  int bad = 0;
  for (support::Rounds rounds(100); rounds.begin_next();) {
    const pid_t child = fork();
    if (child == 0) live_as_child({}, 2);
    bad += !ended_well(child);
  }
  stop = true;
  spawner.join();
  EXPECT_EQ(bad, 0);
}

// A child that goes through exit() runs every destructor and flushes stdio.
TEST_F(Fork, ChildMayExitNormally) {
  process::BusyThreads threads(4);
  for (support::Rounds rounds(50); rounds.begin_next();) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(kChildSeconds);
      allocate_in_every_tier();
      std::exit(0);
    }
    ASSERT_TRUE(ended_well(child)) << "round " << rounds.current();
  }
}

// fork takes stdio's list lock after the allocator's fork handlers have run. A thread that holds
// that lock and allocates, as a stream's write callback may, must not be made to wait for the
// forking thread.
class StdioUser {
 public:
  StdioUser() : thread_([this] { use_stdio(); }) {}
  ~StdioUser() {
    stop_ = true;
    thread_.join();
  }

 private:
  static ssize_t write_callback(void*, const char*, size_t length) {
    for (std::size_t size = 8; size < 100'000; size = size * 2 + 8)
      std::free(std::malloc(opaque(size)));
    return static_cast<ssize_t>(length);
  }

  void use_stdio() {
    cookie_io_functions_t functions = {};
    functions.write = write_callback;
    FILE* const stream = fopencookie(this, "w", functions);
    while (!stop_) {
      std::fputs("something to flush", stream);
      std::fflush(nullptr);
      char* text = nullptr;
      std::size_t length = 0;
      FILE* const memory = open_memstream(&text, &length);
      for (int i = 0; i < 100; ++i) std::fprintf(memory, "line %d of a growing text\n", i);
      std::fclose(memory);
      std::free(text);
    }
    std::fclose(stream);
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_F(Fork, WhileStdioIsLocked) {
  StdioUser first;
  StdioUser second;
  for (support::Rounds rounds(200); rounds.begin_next();) {
    const pid_t child = fork();
    if (child == 0) live_as_child({}, 2);
    ASSERT_TRUE(ended_well(child)) << "round " << rounds.current();
  }
}

}  // namespace
