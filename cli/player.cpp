// hakmem-player: plays a plan (player_plan.hpp) under the malloc it is started with, and prints
// what that took. `hakmem replay` makes the plan and starts it.
//
//   hakmem-player PLAN
//     starts itself once more, as the process that is measured     play()
//     reads /proc/PID/statm of that every 2 ms                     watch()
//
// The measured process holds nothing but the mapped plan, the mapped slots and its threads; it
// measures itself from the moment when all that is resident. It calls malloc for the plan alone.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "player_plan.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kSampleNs = 2'000'000;
// A sleep costs about as much CPU as 10 us of work and ends 50 us late.
constexpr std::uint64_t kShortestSleepNs = 100'000;
constexpr int kSpins = 200;

// Shared by the two processes.
struct Shared {
  std::atomic<bool> started;
  std::atomic<bool> ended;
  std::uint64_t base_rss_bytes;
  PlayerResult result;
};

struct Slot {
  unsigned char* block;
  std::uint64_t size;
  std::atomic<std::uint32_t> turn;
  std::atomic<std::uint32_t> waiters;
};

struct Plan {
  const PlanHeader* header;
  const PlanThread* threads;
  const PlanEvent* events;
  Slot* slots;
};

struct Counts {
  std::uint64_t calls[3];
  std::uint64_t refused;
};

Plan plan;
std::size_t page_size;
std::uint64_t start_ns;
pthread_barrier_t all_ready, all_go;
Counts counts[kMaxPlanThreads];
pthread_t handles[kMaxPlanThreads];

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "hakmem-player: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void sleep_until(std::uint64_t time_ns) {
  const timespec time{static_cast<time_t>(time_ns / kNsPerSecond),
                      static_cast<long>(time_ns % kNsPerSecond)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

void* map(std::size_t bytes, int flags, int fd) {
  void* mapped =
      mmap(nullptr, bytes, PROT_READ | (fd < 0 ? PROT_WRITE : 0), flags | MAP_POPULATE, fd, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  return mapped;
}

void open_plan(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) fail(path);
  const auto* start =
      static_cast<const char*>(map(static_cast<std::size_t>(status.st_size), MAP_PRIVATE, fd));
  plan.header = reinterpret_cast<const PlanHeader*>(start);
  plan.threads = reinterpret_cast<const PlanThread*>(plan.header + 1);
  plan.events = reinterpret_cast<const PlanEvent*>(plan.threads + plan.header->threads);
  plan.slots = static_cast<Slot*>(
      map((plan.header->slots + 1) * sizeof(Slot), MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

// Writes to each page from `from` on, and to the last byte.
void touch(unsigned char* block, std::uint64_t from, std::uint64_t size) {
  for (std::uint64_t at = from; at < size; at += page_size) block[at] = 1;
  if (size > from) block[size - 1] = 1;
}

void allocate(Slot& slot, std::uint64_t size, Counts& mine) {
  slot.block = static_cast<unsigned char*>(std::malloc(size));
  slot.size = size;
  if (slot.block == nullptr) {
    ++mine.refused;
    slot.size = 0;
  } else {
    touch(slot.block, 0, size);
  }
}

// A size of 0 would free in some allocators and not in others.
void resize(Slot& slot, std::uint64_t size, Counts& mine) {
  auto* block = static_cast<unsigned char*>(std::realloc(slot.block, size == 0 ? 1 : size));
  if (block == nullptr) {
    ++mine.refused;
    return;
  }
  slot.block = block;
  touch(block, slot.size, size);
  slot.size = size;
}

// Both sides write one word and then read the other's, in one order for all: either the waiter
// sees the turn, or pass_turn() sees the waiter.
void wait_for_turn(Slot& slot, std::uint32_t turn) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (slot.turn.load(std::memory_order_acquire) == turn) return;  // pairs with pass_turn()
  }
  slot.waiters.fetch_add(1, std::memory_order_seq_cst);
  for (std::uint32_t now; (now = slot.turn.load(std::memory_order_seq_cst)) != turn;) {
    slot.turn.wait(now, std::memory_order_seq_cst);
  }
  slot.waiters.fetch_sub(1, std::memory_order_relaxed);
}

void pass_turn(Slot& slot, std::uint32_t turn) {
  slot.turn.store(turn, std::memory_order_seq_cst);
  if (slot.waiters.load(std::memory_order_seq_cst) != 0) slot.turn.notify_all();
}

void play_event(const PlanEvent& event, Counts& mine) {
  Slot& slot = plan.slots[event.slot];
  wait_for_turn(slot, event.turn);
  ++mine.calls[static_cast<int>(event.op)];
  if (event.op == PlanOp::kAllocate) {
    allocate(slot, event.size, mine);
  } else if (event.op == PlanOp::kResize) {
    resize(slot, event.size, mine);
  } else {
    std::free(slot.block);
    slot.block = nullptr;
  }
  pass_turn(slot, event.turn + 1);
}

void play_events(std::uintptr_t thread) {
  const PlanThread& mine = plan.threads[thread];
  for (std::uint64_t i = mine.first; i < mine.first + mine.events; ++i) {
    const PlanEvent& event = plan.events[i];
    if (event.time_ns != 0) {
      const std::uint64_t due_ns = start_ns + event.time_ns;
      if (due_ns > now_ns() + kShortestSleepNs) sleep_until(due_ns);
    }
    play_event(event, counts[thread]);
  }
}

void* run_thread(void* argument) {
  pthread_barrier_wait(&all_ready);
  pthread_barrier_wait(&all_go);
  play_events(reinterpret_cast<std::uintptr_t>(argument));
  return nullptr;
}

// The first thread of a plan is the process's own.
void start_threads() {
  const auto all = static_cast<unsigned>(plan.header->threads);
  pthread_barrier_init(&all_ready, nullptr, all);
  pthread_barrier_init(&all_go, nullptr, all);
  for (std::uintptr_t i = 1; i < all; ++i) {
    if (pthread_create(&handles[i], nullptr, run_thread, reinterpret_cast<void*>(i)) != 0) {
      fail("cannot start a thread");
    }
  }
  pthread_barrier_wait(&all_ready);
}

void run_threads() {
  pthread_barrier_wait(&all_go);
  play_events(0);
  for (std::uint64_t i = 1; i < plan.header->threads; ++i) pthread_join(handles[i], nullptr);
  if (plan.header->end_ns > 0) sleep_until(start_ns + plan.header->end_ns);
}

// "VmHWM:   1234 kB" of /proc/self/status, in bytes.
std::uint64_t peak_rss_bytes() {
  char text[4096] = {};
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) fail("/proc/self/status");
  close(fd);
  const char* line = std::strstr(text, "VmHWM:");
  return line == nullptr ? 0 : std::strtoull(line + 6, nullptr, 10) * 1024;
}

std::uint64_t rss_bytes(int statm) {
  char text[128] = {};
  if (pread(statm, text, sizeof text - 1, 0) <= 0) return 0;
  char* second = std::strchr(text, ' ');
  return second == nullptr ? 0 : std::strtoull(second, nullptr, 10) * page_size;
}

rusage usage_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void add_counts(PlayerResult& result) {
  for (std::uint64_t i = 0; i < plan.header->threads; ++i) {
    result.allocations += counts[i].calls[0];
    result.frees += counts[i].calls[1];
    result.resizes += counts[i].calls[2];
    result.refused += counts[i].refused;
  }
}

void play(const char* path, Shared* shared) {
  open_plan(path);
  start_threads();
  const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  shared->base_rss_bytes = rss_bytes(statm);
  const rusage before = usage_now();
  start_ns = now_ns();
  shared->started.store(true);
  run_threads();
  const rusage after = usage_now();
  PlayerResult& result = shared->result;
  result.wall_seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
  shared->ended.store(true);
  result.cpu_seconds = cpu_seconds(after) - cpu_seconds(before);
  result.minor_faults = static_cast<std::uint64_t>(after.ru_minflt - before.ru_minflt);
  const std::uint64_t peak = peak_rss_bytes();
  result.peak_rss_bytes = peak > shared->base_rss_bytes ? peak - shared->base_rss_bytes : 0;
  add_counts(result);
}

// Adds up resident memory over time, while the player plays.
void watch(int statm, Shared* shared) {
  std::uint64_t last_ns = 0;
  while (!shared->ended.load()) {
    sleep_until(now_ns() + (shared->started.load() ? kSampleNs : kSampleNs / 10));
    if (!shared->started.load()) {
      if (waitpid(-1, nullptr, WNOHANG) != 0) return;  // it failed before
      continue;
    }
    const std::uint64_t time_ns = now_ns();
    const std::uint64_t rss = rss_bytes(statm);
    if (rss == 0) return;  // it is gone
    const std::uint64_t above = rss > shared->base_rss_bytes ? rss - shared->base_rss_bytes : 0;
    if (last_ns != 0) {
      shared->result.rss_byte_seconds +=
          static_cast<double>(above) * static_cast<double>(time_ns - last_ns) / 1e9;
    }
    last_ns = time_ns;
  }
}

void print(const PlayerResult& result) {
  std::printf("allocations %" PRIu64 "\nfrees %" PRIu64 "\nresizes %" PRIu64 "\nrefused %" PRIu64
              "\n",
              result.allocations, result.frees, result.resizes, result.refused);
  std::printf("wall_seconds %.6f\ncpu_seconds %.6f\nrss_byte_seconds %.0f\n", result.wall_seconds,
              result.cpu_seconds, result.rss_byte_seconds);
  std::printf("peak_rss_bytes %" PRIu64 "\nminor_faults %" PRIu64 "\n", result.peak_rss_bytes,
              result.minor_faults);
}

Shared* map_shared(int fd) {
  void* mapped = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  return static_cast<Shared*>(mapped);
}

// The measured process starts anew, so that nothing of the watching one is in its figures.
int start_and_watch(char** words) {
  const int fd = memfd_create("player", 0);
  if (fd < 0 || ftruncate(fd, sizeof(Shared)) != 0) fail("memfd_create");
  Shared* shared = map_shared(fd);
  char fd_text[16];
  std::snprintf(fd_text, sizeof fd_text, "%d", fd);
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    execl("/proc/self/exe", words[0], words[1], fd_text, static_cast<char*>(nullptr));
    fail("exec");
  }
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/statm", child);
  watch(open(path, O_RDONLY | O_CLOEXEC), shared);
  int status = 0;
  waitpid(child, &status, 0);
  if (!shared->ended.load() || status != 0) return 1;
  print(shared->result);
  return 0;
}

}  // namespace
}  // namespace hakmem::cli

int main(int count, char** words) {
  using namespace hakmem::cli;
  page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (count == 2) return start_and_watch(words);
  if (count != 3) {
    std::fputs("usage: hakmem-player PLAN; hakmem replay makes plans\n", stderr);
    return 2;
  }
  play(words[1], map_shared(std::atoi(words[2])));
  return 0;
}
