// Allocates a known number of blocks of known sizes, in the way its argument names, for
// recorder_test.cpp. Blocks of at least kFrom bytes are its own; the C library's are smaller.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 4;
constexpr int kBlocks = 1000;
constexpr std::size_t kFrom = 100'000;

std::array<std::array<void*, kBlocks>, kThreads> blocks;

// Each thread allocates, and frees what its neighbour has allocated.
int threads() {
  std::barrier all(kThreads);
  std::vector<std::thread> running;
  for (std::size_t me = 0; me < kThreads; ++me) {
    running.emplace_back([&, me] {
      for (void*& block : blocks[me]) block = std::malloc(kFrom + me);
      all.arrive_and_wait();
      for (void* block : blocks[(me + 1) % kThreads]) std::free(block);
    });
  }
  for (std::thread& thread : running) thread.join();
  return 0;
}

// A thread that races with others for the addresses they free.
int races() {
  std::vector<std::thread> running;
  for (int me = 0; me < kThreads; ++me) {
    running.emplace_back([] {
      for (int i = 0; i < 5 * kBlocks; ++i) {
        void* block = std::malloc(kFrom);
        if (i % 7 == 0) block = std::realloc(block, 3 * kFrom);
        std::free(block);
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  return 0;
}

void allocate(int count, std::size_t size) {
  for (int i = 0; i < count; ++i) {
    if (std::malloc(size) == nullptr) std::abort();
  }
}

int forks() {
  allocate(10, kFrom);
  const pid_t child = fork();
  if (child == 0) {
    allocate(kBlocks, 2 * kFrom);
    std::exit(0);
  }
  waitpid(child, nullptr, 0);
  allocate(10, kFrom);
  return 0;
}

int fills_disk() {
  const rlimit limit{100'000, 100'000};
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int i = 0; i < 100 * kBlocks; ++i) allocate(1, kFrom);
  return 0;
}

int every_form() {
  std::free(std::malloc(kFrom + 1));
  std::free(std::calloc(2, kFrom + 2));
  void* block = nullptr;
  if (posix_memalign(&block, 4096, kFrom + 3) != 0) return 1;
  std::free(block);
  std::free(std::aligned_alloc(64, kFrom + 96));
  std::free(std::realloc(std::malloc(10), kFrom + 5));
  char* volatile chars = new char[kFrom + 6];  // volatile: the pair stays
  delete[] chars;
  ::operator delete (::operator new (kFrom + 7, std::align_val_t{256}), std::align_val_t{256});
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const char* way = count > 1 ? words[1] : "";
  if (std::strcmp(way, "threads") == 0) return threads();
  if (std::strcmp(way, "races") == 0) return races();
  if (std::strcmp(way, "forks") == 0) return forks();
  if (std::strcmp(way, "fills_disk") == 0) return fills_disk();
  if (std::strcmp(way, "every_form") == 0) return every_form();
  allocate(100 * kBlocks, kFrom);
  if (std::strcmp(way, "quits") == 0) _exit(0);
  if (std::strcmp(way, "is_killed") == 0) std::raise(SIGKILL);
  return 2;
}
