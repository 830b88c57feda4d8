// Many to many: every thread's blocks are freed by all the others, in no order.
//
// The threads share a board of slots. Each turn a thread allocates a block, swaps it for what lies
// in a random slot, and frees that: with N threads, another thread's block N - 1 times out of N.
// There is no fixed pair for an allocator to learn and nobody waits for anybody, so the scheduler
// is not what is measured. An op is one malloc or one free.
#include <atomic>
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

class Board {
 public:
  Board(std::size_t slots, std::size_t min, std::size_t max)
      : slots_(slots), min_(min), span_(max - min + 1) {}
  ~Board() {
    for (std::atomic<void*>& slot : slots_) std::free(slot.load(std::memory_order_relaxed));
  }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  void run(std::size_t turns, bench::Rng& rng) {
    for (std::size_t i = 0; i < turns; ++i) {
      const std::uint64_t dice = rng.next();
      std::atomic<void*>& slot = slots_[bench::Rng::scale(dice >> 32, slots_.size())];
      const std::size_t size = min_ + bench::Rng::scale(dice, span_);
      void* block = std::malloc(size);
      bench::touch_ends(block, size);
      // Pairs with itself: who takes a block sees what its sender wrote, and may free it.
      std::free(slot.exchange(block, std::memory_order_acq_rel));
    }
  }

 private:
  std::vector<std::atomic<void*>> slots_;
  std::size_t min_;
  std::size_t span_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "many_to_many: each thread's blocks are freed by all others");
  const std::size_t threads = options.number("threads", 4, "threads");
  const std::size_t slots = options.number("slots", 4096, "slots on the board");
  const std::size_t min = options.number("min", 16, "smallest block in bytes");
  const std::size_t max = options.number("max", 512, "largest block in bytes");
  const std::size_t turns = options.number("turns", 6000000, "blocks per thread");
  options.done();

  Board board(slots, min, max);
  bench::report(bench::run_threads(threads, [&](std::size_t self, bench::Lap& lap) {
    bench::Rng rng(self + 1);
    board.run(turns / 8 + 8 * slots, rng);
    lap.start();
    board.run(turns, rng);
    lap.stop(2 * turns);
  }));
}
