// The background thread: of a program that keeps both processors busy it has little to do, and is
// not woken for more; it takes no signals; a forked child has none until it has threads.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::string line_of(const std::filesystem::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return {};
}

// What the kernel says of the allocator's own thread; "": there is none.
std::string status_of_background(const std::string& key) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (line_of(task.path() / "comm", "") == "hakmem") return line_of(task.path() / "status", key);
  }
  return {};
}

bool has_background() { return !status_of_background("Pid:").empty(); }

// How often it has gone to sleep; -1: there is none.
long naps() { return has_background() ? std::stol(status_of_background("voluntary_ctxt_switches:")) : -1; }

// Blocks of 8 to 32 KiB in random places: slabs, runs and bundles come and go all the time.
void work(unsigned seed, Clock::time_point until) {
  std::vector<void*> slots(8192);
  while (Clock::now() < until) {
    for (int turn = 0; turn < 10'000; ++turn) {
      seed = seed * 1664525 + 1013904223;
      void*& slot = slots[(seed >> 8) % slots.size()];
      std::free(slot);
      slot = std::malloc((std::size_t{8} << 10) << (seed >> 30) % 3);
    }
  }
  for (void* slot : slots) std::free(slot);
}

TEST(Background, ABusyProgramDoesNotWakeIt) {
  const auto begin = Clock::now();
  std::thread other(work, 1U, begin + std::chrono::seconds(1));
  const long before = naps();
  ASSERT_GE(before, 0) << "it starts with the program's first thread";
  work(2, begin + std::chrono::seconds(1));
  other.join();
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count() / 100;
  EXPECT_LE(naps() - before, 4 * tenths + 20) << "it looks about every 100 ms; large blocks may be due in between";
}

TEST(Background, BlocksEverySignal) {
  std::thread([] {}).join();
  ASSERT_TRUE(has_background());
  // SIGKILL and SIGSTOP cannot be blocked, and 32 and 33 are the C library's own.
  constexpr std::uint64_t kOthers = 1ULL << 8 | 1ULL << 18 | 1ULL << 31 | 1ULL << 32;
  EXPECT_EQ(std::stoull(status_of_background("SigBlk:"), nullptr, 16) | kOthers, ~0ULL);
}

// Its thread is not there, and the child knows that: its own first thread brings one again.
int what_a_child_finds() {
  if (has_background()) return 1;
  std::free(std::malloc(100));
  if (has_background()) return 2;
  std::thread([] {}).join();
  return has_background() ? 0 : 3;
}

TEST(Background, DoesNotSurviveUnnoticedInAChild) {
  std::thread([] {}).join();
  ASSERT_TRUE(has_background());
  const pid_t child = fork();
  if (child == 0) _exit(what_a_child_finds());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(WIFEXITED(status));
}

}  // namespace
