// Starting programs from a threaded program: posix_spawn, vfork, popen, system.
//
// vfork's child runs in the parent's memory: whatever it did to the allocator would stay.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "process/busy_threads.hpp"

extern char** environ;

namespace {

bool ended_well(pid_t child) {
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

char* const kTrue[] = {const_cast<char*>("/bin/true"), nullptr};

TEST(Spawn, PosixSpawnWhileThreadsAllocate) {
  process::BusyThreads threads(4);
  for (int round = 0; round < 100; ++round) {
    pid_t child = 0;
    ASSERT_EQ(posix_spawn(&child, kTrue[0], nullptr, nullptr, kTrue, environ), 0);
    ASSERT_TRUE(ended_well(child)) << "round " << round;
  }
}

TEST(Spawn, VforkAndExecWhileThreadsAllocate) {
  process::BusyThreads threads(4);
  for (int round = 0; round < 100; ++round) {
    const pid_t child = vfork();
    if (child == 0) {
      execv(kTrue[0], kTrue);
      _exit(127);
    }
    ASSERT_TRUE(ended_well(child)) << "round " << round;
  }
}

TEST(Spawn, PopenAndSystem) {
  process::BusyThreads threads(2);
  for (int round = 0; round < 30; ++round) {
    FILE* const pipe = popen("echo hello", "r");
    ASSERT_NE(pipe, nullptr);
    char line[16] = {};
    EXPECT_STREQ(std::fgets(line, sizeof line, pipe), "hello\n");
    EXPECT_EQ(pclose(pipe), 0);
    EXPECT_EQ(std::system("exit 7"), 7 << 8);
  }
}

}  // namespace
