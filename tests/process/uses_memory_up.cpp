// Allocates until there is no more, frees everything, and goes on: what a program under a limit may
// do.
//
//   uses_memory_up BLOCK_BYTES THREADS LARGE_MIB
//
// LARGE_MIB is what it wants in one block after that.
//
// Prints the MiB it got in all before the first failure of each thread. Exit codes: 0 all well,
// otherwise the code of the `require` that failed. Blocks are chained through their first word, so
// nothing else is allocated.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <new>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "support/opaque.hpp"

namespace {

struct Link {
  Link* next;
};

void require(bool good, int code) {
  if (!good) _exit(code);
}

// Takes blocks of `size` bytes until NULL comes back; returns how many, and frees them all.
std::size_t use_up(std::size_t size) {
  Link* chain = nullptr;
  std::size_t count = 0;
  for (;; ++count) {
    errno = 0;
    auto* const link = static_cast<Link*>(std::malloc(support::opaque(size)));
    if (link == nullptr) break;
    std::memset(link, 1, size < 4096 ? size : 4096);
    link->next = chain;
    chain = link;
  }
  require(errno == ENOMEM, 20);
  errno = 0;
  require(std::calloc(support::opaque(size) * 2048, 1024) == nullptr && errno == ENOMEM, 21);
  while (chain != nullptr) {
    Link* const next = chain->next;
    std::free(chain);
    chain = next;
  }
  return count;
}

bool throws_when_full() {
  try {
    for (;;) support::opaque(::operator new(support::opaque(std::size_t{8} << 20)));
  } catch (const std::bad_alloc&) {
    return true;
  }
}

struct Job {
  std::latch* all_started;
  std::size_t size;
  std::size_t got;
};

void* run_job(void* argument) {
  auto* const job = static_cast<Job*>(argument);
  job->all_started->arrive_and_wait();
  job->got = use_up(job->size);
  return nullptr;
}

// Stacks of 256 KiB: eight default ones would be half of the address space under test. Nobody takes
// memory before all have their stacks.
std::size_t use_up_in_threads(std::size_t size, int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  std::latch all_started(count);
  pthread_t threads[8];
  Job jobs[8];
  for (int i = 0; i < count; ++i) {
    jobs[i] = {&all_started, size, 0};
    require(pthread_create(&threads[i], &attributes, run_job, &jobs[i]) == 0, 22);
  }
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) {
    pthread_join(threads[i], nullptr);
    total += jobs[i].got;
  }
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::size_t size = std::strtoull(argv[1], nullptr, 10);
  const int threads = std::atoi(argv[2]);
  const std::size_t large_bytes = std::strtoull(argv[3], nullptr, 10) << 20;
  // Exists from the start: afterwards the address space may all be the allocator's, with no room
  // for a stack.
  std::latch freed(1);
  std::thread late([&] {
    freed.wait();
    require(use_up(100'000) > 0, 25);
  });
  const std::size_t got = threads > 1 ? use_up_in_threads(size, threads) : use_up(size);
  std::printf("%zu\n", got * size >> 20);
  for (int round = 0; round < 3; ++round) require(use_up(size) > 0, 23);
  void* const large = std::malloc(support::opaque(large_bytes));
  require(large != nullptr, 24);
  std::memset(large, 1, large_bytes);
  std::free(large);
  freed.count_down();
  late.join();
  require(throws_when_full(), 26);
  return 0;
}
