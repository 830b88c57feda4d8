// Tiny Hot: allocate a batch of small blocks, free them in the order they came, again and again.
//
// The shortest path an allocator has: everything fits the nearest cache and every block comes back
// at once. An op is one malloc or one free. With --touch the program also writes each block, which
// lists threaded through the blocks have already paid for and arrays of pointers have not.
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

void run_round(std::vector<void*>& batch, std::size_t size, bool touch) {
  for (void*& block : batch) {
    block = std::malloc(size);
    if (touch) *static_cast<volatile char*>(block) = 1;
  }
  for (void* block : batch) std::free(block);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "tiny_hot: allocate a batch, free it, repeat");
  const std::size_t size = options.number("size", 32, "bytes per block");
  const std::size_t batch_size = options.number("batch", 100, "blocks per batch");
  const std::size_t rounds = options.number("rounds", 1000000, "batches");
  const bool touch = options.flag("touch", "write one byte of each block");
  options.done();

  std::vector<void*> batch(batch_size);
  bench::report(bench::run_threads(1, [&](std::size_t, bench::Lap& lap) {
    for (std::size_t i = 0; i < rounds / 10 + 1; ++i) run_round(batch, size, touch);
    lap.start();
    for (std::size_t i = 0; i < rounds; ++i) run_round(batch, size, touch);
    lap.stop(2 * rounds * batch_size);
  }));
}
