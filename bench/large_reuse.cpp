// Large blocks that come and go: 64 KiB, 256 KiB, 1 MiB and 4 MiB, a few alive at a time.
//
// Shows what an allocator's release policy costs when a block is wanted again at once. With --touch
// every page of the block is written, so pages that were given back are faulted in again. An op is
// one malloc or one free; each size is also reported by itself. --kib takes another size alone; with --alive 1
// that is a loop over one block.
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

const std::vector<std::size_t> kSizes = {64 << 10, 256 << 10, 1 << 20, 4 << 20};

void cycle(std::vector<void*>& alive, std::size_t size, std::size_t rounds, bool touch) {
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& slot = alive[i % alive.size()];
    std::free(slot);
    slot = std::malloc(size);
    if (touch) {
      bench::touch_pages(slot, size);
    } else {
      *static_cast<volatile char*>(slot) = 1;
    }
  }
}

bench::Measured measure(std::size_t alive_count, std::size_t size, std::size_t rounds, bool touch) {
  std::vector<void*> alive(alive_count);
  cycle(alive, size, rounds / 10 + alive_count, touch);
  const double begin = bench::now_seconds();
  cycle(alive, size, rounds, touch);
  const double seconds = bench::now_seconds() - begin;
  for (void* block : alive) std::free(block);
  return {2 * rounds, seconds};
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "large_reuse: large blocks freed and wanted again at once");
  const std::size_t alive = options.number("alive", 4, "blocks alive at a time");
  const std::size_t rounds = options.number("rounds", 400000, "blocks of each size");
  const std::size_t kib = options.number("kib", 0, "blocks of this size alone, KiB (0: of all four sizes)");
  const bool touch = options.flag("touch", "write every page of each block");
  options.done();

  bench::Measured total;
  for (const std::size_t size : kib == 0 ? kSizes : std::vector<std::size_t>{kib << 10}) {
    const bench::Measured one = measure(alive, size, rounds, touch);
    std::printf("%zu KiB: %.3f Mops/s\n", size >> 10,
                static_cast<double>(one.ops) / one.seconds / 1e6);
    total.ops += one.ops;
    total.seconds += one.seconds;
  }
  bench::report(total);
}
