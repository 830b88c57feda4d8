// 500 threads at once, each with 100 small live blocks. What does a thread's heap cost?
//
// The blocks are 16 to 1,006 bytes, evenly, so that each thread uses two dozen classes with a few
// blocks each. Stacks are small, but are part of what is printed, as are the program's own pages;
// `data` is what was asked for.
#include <pthread.h>

#include <atomic>
#include <utility>

#include "../common.hpp"
#include "quiet.hpp"

namespace {

constexpr std::size_t kStackBytes = 64 << 10;

struct Crowd {
  Crowd(std::ptrdiff_t members, std::size_t blocks_each)
      : blocks(blocks_each), filled(members), seen(members) {}

  std::size_t blocks;
  std::barrier<> filled;
  std::barrier<> seen;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> data{0};
};

// The blocks are a list, so that a thread has no table of its own beside them.
struct alignas(16) Block {
  Block* earlier;
};

void* hold_blocks(void* argument) {
  Crowd& crowd = *static_cast<Crowd*>(argument);
  bench::Rng rng(crowd.next.fetch_add(1, std::memory_order_relaxed) + 1);
  std::size_t bytes = 0;
  Block* latest = nullptr;
  for (std::size_t i = 0; i < crowd.blocks; ++i) {
    const std::size_t size = rng.between(sizeof(Block), 1006);
    Block* block = static_cast<Block*>(std::malloc(size));
    std::memset(block, 1, size);
    block->earlier = latest;
    latest = block;
    bytes += size;
  }
  crowd.data.fetch_add(bytes, std::memory_order_relaxed);
  crowd.filled.arrive_and_wait();
  crowd.seen.arrive_and_wait();
  while (latest != nullptr) std::free(std::exchange(latest, latest->earlier));
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv,
                         "many_small_heaps: resident memory of many threads with few blocks each");
  const std::size_t threads = options.number("threads", 500, "threads at once");
  const std::size_t blocks = options.number("blocks", 100, "live blocks per thread");
  options.done();

  Crowd crowd(static_cast<std::ptrdiff_t>(threads + 1), blocks);  // the threads and main
  pthread_attr_t small_stack;
  pthread_attr_init(&small_stack);
  pthread_attr_setstacksize(&small_stack, kStackBytes);
  std::vector<pthread_t> handles(threads);
  for (pthread_t& handle : handles) {
    if (pthread_create(&handle, &small_stack, hold_blocks, &crowd) != 0)
      return std::perror("pthread_create"), 1;
  }
  crowd.filled.arrive_and_wait();
  bench::print_mib("data", crowd.data.load() >> 10);
  bench::print_resident("all alive");
  crowd.seen.arrive_and_wait();
  for (const pthread_t handle : handles) pthread_join(handle, nullptr);
  pthread_attr_destroy(&small_stack);
  bench::print_resident("all gone");
}
