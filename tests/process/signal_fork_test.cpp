// fork from a signal handler that interrupted malloc or free, in a threaded program.
//
// POSIX gives _Fork for this, but handlers that call fork to dump core or to start a helper exist,
// and with an allocator that takes locks in fork handlers they hang: the interrupted code holds the
// lock. A hang ends in SIGALRM.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "process/busy_threads.hpp"
#include "support/opaque.hpp"
#include "support/resident.hpp"
#include "support/rounds.hpp"

namespace {

using support::opaque;

std::atomic<int> forks{0};
std::atomic<int> bad{0};
std::atomic<bool> enough{false};
std::atomic<bool> is_child{false};

void reap(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) ++bad;
  ++forks;
}

void fork_and_exit(int) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  reap(child);
}

// The child returns into the interrupted malloc and goes on from there.
void fork_and_return(int) {
  const pid_t child = fork();
  if (child != 0) return reap(child);
  is_child = true;
  alarm(20);
}

// As programs do that start others.
void fork_and_reap() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (status != 0) ++bad;
}

void churn(std::vector<void*>& slots, std::size_t steps) {
  static std::size_t state = 1;
  for (std::size_t step = 0; step < steps; ++step) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    void*& slot = slots[(state >> 40) % slots.size()];
    std::free(slot);
    slot = std::malloc(opaque(std::size_t{1} << (state >> 33) % (state >> 60 == 0 ? 21 : 15)));
  }
}

// Allocates in this thread, with forks in between if it `forks_too`, while another sends it signals, up to 200.
void run(void (*handler)(int), bool forks_too = false) {
  alarm(100);
  forks = 0;
  bad = 0;
  enough = false;
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  process::BusyThreads others(2);
  std::thread sender([target = pthread_self()] {
    for (support::Rounds rounds(200); rounds.begin_next();) {
      pthread_kill(target, SIGUSR1);
      while (forks < rounds.current()) support::sleep_ms(1);
    }
    enough = true;
  });
  std::vector<void*> slots(500, nullptr);
  while (!enough && !is_child) {
    churn(slots, 200);
    if (forks_too) fork_and_reap();
  }
  if (is_child) {
    churn(slots, 20'000);
    _exit(0);
  }
  sender.join();
  for (void* block : slots) std::free(block);
  alarm(0);
}

// Either may have what the other one waits for.
TEST(SignalFork, WhileAnotherThreadForks) {
  std::atomic<bool> done{false};
  std::thread forker([&done] {
    while (!done) fork_and_reap();
  });
  run(fork_and_exit);
  done = true;
  forker.join();
  EXPECT_EQ(bad.load(), 0);
}

// A fork in the middle of another one of the same thread.
TEST(SignalFork, InTheMiddleOfAFork) {
  run(fork_and_exit, true);
  EXPECT_EQ(bad.load(), 0);
}

TEST(SignalFork, ChildExitsInTheHandler) {
  run(fork_and_exit);
  EXPECT_EQ(bad.load(), 0);
}

TEST(SignalFork, ChildReturnsIntoMalloc) {
  run(fork_and_return);
  EXPECT_EQ(bad.load(), 0);
}

}  // namespace
