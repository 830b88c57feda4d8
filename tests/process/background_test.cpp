// The background thread of a program that keeps both processors busy: it has little to do, and is
// not woken for more.
#include <gtest/gtest.h>

#include <chrono>
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

// How often the allocator's own thread has gone to sleep; -1: there is none.
long naps() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (line_of(task.path() / "comm", "") != "hakmem") continue;
    return std::stol(line_of(task.path() / "status", "voluntary_ctxt_switches:"));
  }
  return -1;
}

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

}  // namespace
