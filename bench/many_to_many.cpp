// Many to many: every thread allocates blocks and hands each to a random other, which frees it.
//
// There is no fixed pair for an allocator to learn, and every thread is producer and consumer at
// once. When a receiver's box is full the sender empties its own and waits, so the number of blocks
// in flight is bounded. An op is one malloc or one free.
#include <atomic>
#include <cstdlib>

#include "common.hpp"
#include "mailbox.hpp"

namespace {

struct Settings {
  std::size_t threads;
  std::size_t min;
  std::size_t max;
};

class Exchange {
 public:
  explicit Exchange(const Settings& settings) : settings_(settings), post_(settings.threads) {}

  // All threads run the same phases, numbered from 1; a phase ends when nothing of it is in flight.
  void run(std::size_t self, std::size_t phase, std::size_t turns, bench::Rng& rng) {
    for (std::size_t i = 0; i < turns; ++i) {
      send_one(self, rng);
      if (i % 32 == 0) post_.free_received(self);
    }
    finished_.fetch_add(
        1, std::memory_order_release);  // pairs with the load below: all was sent before
    while (finished_.load(std::memory_order_acquire) < phase * settings_.threads) wait(self);
    post_.free_received(self);
  }

 private:
  void send_one(std::size_t self, bench::Rng& rng) {
    const std::size_t size = rng.between(settings_.min, settings_.max);
    const std::size_t to = (self + 1 + rng.below(settings_.threads - 1)) % settings_.threads;
    void* block = std::malloc(size);
    bench::touch_ends(block, size);
    while (!post_.send(self, to, block)) wait(self);
  }

  void wait(std::size_t self) {
    if (post_.free_received(self) == 0) std::this_thread::yield();
  }

  Settings settings_;
  bench::PostOffice post_;
  std::atomic<std::size_t> finished_{0};
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv,
                         "many_to_many: blocks go to random other threads, which free them");
  const std::size_t threads = options.number("threads", 4, "threads, at least 2");
  const std::size_t min = options.number("min", 16, "smallest block in bytes");
  const std::size_t max = options.number("max", 512, "largest block in bytes");
  const std::size_t turns = options.number("turns", 4000000, "blocks per thread");
  options.done();
  if (threads < 2) return std::fputs("--threads must be at least 2\n", stderr), 2;

  Exchange exchange({threads, min, max});
  bench::report(bench::run_threads(threads, [&](std::size_t self, bench::Lap& lap) {
    bench::Rng rng(self + 1);
    exchange.run(self, 1, turns / 8 + 1, rng);
    lap.start();
    exchange.run(self, 2, turns, rng);
    lap.stop(2 * turns);
  }));
}
