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
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (child < 0 || status != 0) ++bad;
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

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

// Allocates in this thread while another sends it signals, up to 200.
void run(void (*handler)(int)) {
  alarm(100);
  forks = 0;
  bad = 0;
  enough = false;
  handle(SIGUSR1, handler);
  process::BusyThreads others(2);
  std::thread sender([target = pthread_self()] {
    for (support::Rounds rounds(200); rounds.begin_next();) {
      pthread_kill(target, SIGUSR1);
      while (forks < rounds.current()) support::sleep_ms(1);
    }
    enough = true;
  });
  std::vector<void*> slots(500, nullptr);
  while (!enough && !is_child) churn(slots, 200);
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
  alarm(20);
  done = true;
  forker.join();
  alarm(0);
  EXPECT_EQ(bad.load(), 0);
}

std::atomic<int> stopped{0};
std::atomic<int> seen{0};

void stop_until_the_other_has_seen(int) {
  const int round = ++stopped;
  while (seen < round) usleep(100);
}

void say_seen(int) { ++seen; }

// As runtimes do that stop the world: all threads get a signal, and one that is stopped inside malloc goes on when all have said so.
TEST(SignalFork, AThreadThatForksStillGetsItsSignals) {
  alarm(100);
  bad = 0;
  handle(SIGUSR1, stop_until_the_other_has_seen);
  handle(SIGUSR2, say_seen);
  std::atomic<bool> done{false};
  std::thread forker([&done] {
    while (!done) fork_and_reap();
  });
  std::thread allocator([&done] {
    std::vector<void*> slots(500, nullptr);
    while (!done) churn(slots, 200);
    for (void* block : slots) std::free(block);
  });
  for (support::Rounds rounds(200); rounds.begin_next();) {
    pthread_kill(allocator.native_handle(), SIGUSR1);
    while (stopped < rounds.current()) support::sleep_ms(1);
    pthread_kill(forker.native_handle(), SIGUSR2);
    while (seen < rounds.current()) support::sleep_ms(1);
  }
  done = true;
  allocator.join();
  forker.join();
  EXPECT_EQ(bad.load(), 0);
  alarm(0);
}

// SIGUSR1 is blocked, as before the fork, and SIGUSR2 is not.
bool has_its_mask() {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGUSR2) == 0;
}

TEST(SignalFork, LeavesTheSignalMaskAsItWas) {
  sigset_t wanted;
  sigset_t before;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &wanted, &before);
  const pid_t child = fork();
  if (child == 0) _exit(has_its_mask() ? 0 : 1);
  EXPECT_TRUE(has_its_mask());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "of the child";
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
