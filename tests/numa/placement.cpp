// Placement: on which node of memory does an allocator put a thread's blocks?
//
// Runs as the first process of a small virtual machine (tests/numa/run), starts itself again under
// each library in /allocators, and asks the kernel three ways: for every page of every live block
// (move_pages), for the process's pages by node (numa_maps), and for how the pages were got
// (numastat, which counts for the whole machine; nothing else runs on it).
// One line a check: `check: <allocator> | <what> | <share on the right node, %> | <least that
// passes> | ok/FAILED`.
//
//   steady       a thread for each processor replaces blocks at random for a while
//   migrated     all threads have moved to another node; how soon are their blocks there?
//   consumer     a thread frees another node's blocks and allocates as many itself
//   left         what it freed is gone from the other node, while that one's thread sleeps
//   large        blocks of 40 MiB, one after another, on each node
//   numastat     while blocks were made for the first time: pages got on the node that was asked
//                for (numa_hit), and by a processor of that node (local_node)
//   numa_maps    each node holds at least the working sets of its own threads
#include <sched.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "nodes.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kLeast = 99;       // % of the pages of a thread's blocks
constexpr double kMoveSeconds = 5;  // how long a thread's blocks may take to follow it
constexpr std::size_t kWorkingSet = 2 << 20;

const char* allocator = "?";
bool failed = false;

void report(const char* what, double share, const std::string& more = "") {
  const bool ok = share >= kLeast;
  failed = failed || !ok;
  std::printf("check: %s | %s%s | %.2f | %.0f | %s\n", allocator, what, more.c_str(), share, kLeast,
              ok ? "ok" : "FAILED");
  std::fflush(stdout);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) std::perror("sched_setaffinity");
}

// Blocks of one thread. Small ones by far the most, as in programs; some above 32 KiB.
class WorkingSet {
 public:
  explicit WorkingSet(unsigned seed) : random_(seed) {
    while (bytes_ < kWorkingSet) add();
  }
  ~WorkingSet() {
    for (const Block& block : blocks_) std::free(block.start);
  }
  WorkingSet(const WorkingSet&) = delete;
  WorkingSet& operator=(const WorkingSet&) = delete;

  void replace_half() {
    while (bytes_ > kWorkingSet / 2) {
      Block& old = blocks_[random_() % blocks_.size()];
      std::free(old.start);
      bytes_ -= old.bytes;
      old = blocks_.back();
      blocks_.pop_back();
    }
    while (bytes_ < kWorkingSet) add();
  }

  // By blocks: each counts as one, on the node of its first page.
  Count count(int node) const {
    std::vector<void*> pages;
    for (const Block& block : blocks_) pages.push_back(page_of(block.start));
    return count_pages(pages, node);
  }

 private:
  struct Block {
    char* start;
    std::size_t bytes;
  };

  void add() {
    const unsigned kind = random_() % 64;
    const std::size_t bytes = kind == 0  ? 40000 + random_() % 100000
                              : kind < 8 ? 1024 + random_() % 15000
                                         : 16 + random_() % 1000;
    blocks_.push_back({static_cast<char*>(std::malloc(bytes)), bytes});
    std::memset(blocks_.back().start, 1, bytes);
    bytes_ += bytes;
  }

  std::minstd_rand random_;
  std::vector<Block> blocks_;
  std::size_t bytes_ = 0;
};

// A working set that breathes, as that of a server does: half of it goes, as much comes.
void churn_for(WorkingSet& set, double seconds) {
  for (const auto start = Clock::now(); seconds_since(start) < seconds;) {
    set.replace_half();
    // Eight emulated processors share what the host has: none of them may starve.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

struct Results {
  std::atomic<std::size_t> here{0};
  std::atomic<std::size_t> all{0};
  void add(const Count& count) {
    here += count.here;
    all += count.all;
  }
  double share() const { return Count{here, all}.share(); }
};

double share_of(std::uint64_t part, std::uint64_t rest) {
  return part + rest == 0 ? 0
                          : 100.0 * static_cast<double>(part) / static_cast<double>(part + rest);
}

// What numastat says of the pages that were got since `before`. A page of another node is wrong
// however it came about, so the least share is that of the blocks themselves.
void report_numastat(const std::string& when, const NumaStat& before) {
  const NumaStat now = read_numastat();
  const std::uint64_t hit = now.hit - before.hit;
  const std::uint64_t miss = now.miss - before.miss;
  const std::uint64_t local = now.local - before.local;
  const std::uint64_t other = now.other - before.other;
  std::printf(
      "  numastat, %s: numa_hit %llu, numa_miss %llu, numa_foreign %llu, local_node %llu, "
      "other_node %llu\n",
      when.c_str(), static_cast<unsigned long long>(hit), static_cast<unsigned long long>(miss),
      static_cast<unsigned long long>(now.foreign - before.foreign),
      static_cast<unsigned long long>(local), static_cast<unsigned long long>(other));
  report("numastat: on the node asked for, ", share_of(hit, miss), when);
  report("numastat: asked by that node, ", share_of(local, other), when);
}

// Each node has to hold what its own threads have, at the least.
void report_numa_maps(const std::vector<std::size_t>& before, int cpus) {
  const int nodes = node_count();
  const double expected =
      static_cast<double>(kWorkingSet / kPage * static_cast<std::size_t>(cpus / nodes));
  double least = 100;
  for (int node = 0; node < nodes; ++node) {
    const std::size_t now = pages_on(node);
    const auto gained =
        static_cast<double>(now) - static_cast<double>(before[static_cast<std::size_t>(node)]);
    std::printf(
        "  numa_maps, steady: node %d has %zu pages, %.0f more than before; its threads' blocks "
        "are %.0f\n",
        node, now, gained, expected);
    least = std::min(least, 100 * gained / expected);
  }
  report("numa_maps: a node's share of its threads' blocks", least);
}

std::vector<std::size_t> pages_by_node() {
  std::vector<std::size_t> pages;
  for (int node = 0; node < node_count(); ++node) pages.push_back(pages_on(node));
  return pages;
}

// A thread for each processor; then each moves to the processor half the machine away.
void steady_and_migrated(int cpus) {
  Results steady;
  Results moved[static_cast<int>(kMoveSeconds)];
  const NumaStat numastat_before = read_numastat();
  const std::vector<std::size_t> pages_before = pages_by_node();
  std::barrier<> together(cpus + 1);
  std::vector<std::thread> threads;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    threads.emplace_back([&, cpu] {
      pin_to(cpu);
      WorkingSet set(static_cast<unsigned>(cpu) + 1);
      churn_for(set, 2);
      steady.add(set.count(node_of_cpu(cpu)));
      together.arrive_and_wait();  // all have been counted
      together.arrive_and_wait();  // the whole has been, too
      const int target = (cpu + cpus / 2) % cpus;
      pin_to(target);
      const auto start = Clock::now();
      for (int second = 0; second < static_cast<int>(kMoveSeconds); ++second) {
        churn_for(set, second + 1 - seconds_since(start));
        moved[second].add(set.count(node_of_cpu(target)));
      }
      together.arrive_and_wait();
    });
  }
  together.arrive_and_wait();
  report("steady", steady.share());
  report_numastat("steady", numastat_before);
  report_numa_maps(pages_before, cpus);
  together.arrive_and_wait();
  together.arrive_and_wait();  // at their end
  for (std::thread& thread : threads) thread.join();
  for (int second = 0; second + 1 < static_cast<int>(kMoveSeconds); ++second) {
    std::printf("  after %d s on the other node: %.2f %%\n", second + 1, moved[second].share());
  }
  report("migrated, after 5 s", moved[static_cast<int>(kMoveSeconds) - 1].share());
}

// One thread makes blocks on its node, another, on the last node, frees them and makes its own.
void across_nodes(int cpus) {
  constexpr std::size_t kBlocks = 60000;
  constexpr std::size_t kBytes = 1024;
  const int far_cpu = cpus - 1;
  std::vector<void*> theirs(kBlocks);
  std::vector<void*> own(kBlocks);
  std::barrier<> made(2);
  std::barrier<> freed(2);
  const int near = node_of_cpu(0);
  const std::size_t base = pages_on(near);
  std::thread producer([&] {
    pin_to(0);
    for (void*& block : theirs) std::memset(block = std::malloc(kBytes), 1, kBytes);
    made.arrive_and_wait();
    freed.arrive_and_wait();
  });
  std::thread consumer([&] {
    pin_to(far_cpu);
    made.arrive_and_wait();
    const NumaStat before = read_numastat();
    std::vector<void*> pages;
    for (std::size_t i = 0; i < kBlocks; ++i) {
      std::free(theirs[i]);
      std::memset(own[i] = std::malloc(kBytes), 1, kBytes);
      pages.push_back(page_of(own[i]));
    }
    report("consumer of another node's blocks", count_pages(pages, node_of_cpu(far_cpu)).share());
    report_numastat("consumer", before);
    for (void* block : own) std::free(block);
    std::this_thread::sleep_for(std::chrono::seconds(4));
    const double stayed = static_cast<double>(pages_on(near)) - static_cast<double>(base);
    report("what it freed has left the other node",
           100 * (1 - std::max(0.0, stayed) * kPage / (kBlocks * kBytes)));
    freed.arrive_and_wait();
  });
  producer.join();
  consumer.join();
}

void large_blocks(int cpus) {
  constexpr std::size_t kBytes = 40 << 20;
  Results results;
  const NumaStat before = read_numastat();
  for (int round = 0; round < 4; ++round) {
    std::thread([&, cpu = round % 2 == 0 ? 0 : cpus - 1] {
      pin_to(cpu);
      char* block = static_cast<char*>(std::malloc(kBytes));
      std::vector<void*> pages;
      for (std::size_t at = 0; at < kBytes; at += kPage) {
        block[at] = 1;
        pages.push_back(page_of(block + at));
      }
      results.add(count_pages(pages, node_of_cpu(cpu)));
      std::free(block);
    }).join();
  }
  report("large blocks on either node in turn", results.share());
  report_numastat("large", before);
}

int run_checks(const char* name) {
  allocator = name;
  const int cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  steady_and_migrated(cpus);
  across_nodes(cpus);
  large_blocks(cpus);
  return failed ? 1 : 0;
}

void start_under(const std::string& name, const std::string& library) {
  const pid_t child = fork();
  if (child == 0) {
    if (!library.empty()) setenv("LD_PRELOAD", library.c_str(), 1);
    execl("/init", "/init", name.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("exit: %s | %d\n", name.c_str(),
              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace

int main(int argc, char** argv) {
  if (getpid() != 1)
    return argc == 2 ? run_checks(argv[1]) : 2;  // the first process gets the kernel's arguments
  mount("proc", "/proc", "proc", 0, nullptr);
  mount("sysfs", "/sys", "sysfs", 0, nullptr);
  for (const auto& entry : std::filesystem::directory_iterator("/allocators")) {
    start_under(entry.path().stem().string().substr(3), entry.path().string());
  }
  start_under("glibc", "");
  std::puts("done");
  std::fflush(stdout);
  sync();
  reboot(RB_POWER_OFF);
}
