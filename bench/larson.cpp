// Larson's server: every thread frees what its predecessor left, and passes its own slots on.
//
// After P. Larson and M. Krishnan, Memory Allocation for Long-Running Server Applications (ISMM 1998): a
// thread has a set of slots, replaces the block of a random slot so many times, and hands the whole set to a
// new thread, which does the same. So most blocks are freed by another thread than the one that allocated
// them, and that one has often exited. An op is one malloc or one free.
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

struct Settings {
  std::size_t turns;
  std::size_t min;
  std::size_t max;
};

class Slots {
 public:
  Slots(std::size_t count, std::uint64_t seed, const Settings& settings) : blocks_(count), rng_(seed), settings_(&settings) {
    for (void*& block : blocks_) block = allocate();
  }
  ~Slots() {
    for (void* block : blocks_) std::free(block);
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  void replace_some() {
    for (std::size_t i = 0; i < settings_->turns; ++i) {
      void*& block = blocks_[rng_.below(blocks_.size())];
      std::free(block);
      block = allocate();
    }
  }

 private:
  void* allocate() {
    const std::size_t size = rng_.between(settings_->min, settings_->max);
    void* block = std::malloc(size);
    bench::touch_ends(block, size);
    return block;
  }

  std::vector<void*> blocks_;
  bench::Rng rng_;
  const Settings* settings_;
};

// One lane: the slots pass from thread to thread.
void live(Slots& slots, std::size_t lives) {
  for (std::size_t i = 0; i < lives; ++i) std::thread([&slots] { slots.replace_some(); }).join();
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "larson: threads that pass their blocks on to their successors");
  const std::size_t threads = options.number("threads", 8, "threads at a time");
  const std::size_t slots = options.number("slots", 1000, "blocks each has");
  const std::size_t turns = options.number("turns", 20000, "blocks each replaces before it passes them on");
  const std::size_t lives = options.number("lives", 50, "threads one after another");
  const std::size_t min = options.number("min", 10, "smallest block in bytes");
  const std::size_t max = options.number("max", 500, "largest block in bytes");
  options.done();

  const Settings settings{turns, min, max};
  bench::report(bench::run_threads(threads, [&](std::size_t self, bench::Lap& lap) {
    Slots mine(slots, self + 1, settings);
    lap.start();
    live(mine, lives);
    lap.stop(2 * turns * lives);
  }));
}
