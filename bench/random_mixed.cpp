// Random Mixed: one thread, random sizes, random slots. An occupied slot is freed, then filled
// anew; with --toggle it is only freed, and filled at the next visit, which adds a branch that no
// CPU can predict.
//
// The usual life of small objects: no order between allocation and free, many size classes at once.
// The first and the last byte of each block are written. An op is one malloc or one free; much of
// the time is the benchmark's own work (random numbers, cache misses on the slots), so differences
// between allocators look smaller than they are.
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

class Mixer {
 public:
  Mixer(std::size_t slots, std::size_t min, std::size_t max, bool toggle)
      : slots_(slots), min_(min), span_(max - min + 1), toggle_(toggle) {}
  ~Mixer() {
    for (void* block : slots_) std::free(block);
  }
  Mixer(const Mixer&) = delete;
  Mixer& operator=(const Mixer&) = delete;

  // Returns the number of calls of malloc and free.
  std::size_t run(std::size_t turns) {
    std::size_t ops = 0;
    for (std::size_t i = 0; i < turns; ++i) {
      const std::uint64_t dice = rng_.next();
      void*& slot = slots_[bench::Rng::scale(dice >> 32, slots_.size())];
      const std::size_t size = min_ + bench::Rng::scale(dice, span_);
      if (slot != nullptr) {
        std::free(slot);
        slot = nullptr;
        ++ops;
        if (toggle_) continue;
      }
      slot = std::malloc(size);
      bench::touch_ends(slot, size);
      ++ops;
    }
    return ops;
  }

 private:
  std::vector<void*> slots_;
  std::size_t min_;
  std::size_t span_;
  bool toggle_;
  bench::Rng rng_{42};
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "random_mixed: random sizes in random slots, one thread");
  const std::size_t slots = options.number("slots", 4096, "slots");
  const std::size_t min = options.number("min", 8, "smallest block in bytes");
  const std::size_t max = options.number("max", 128, "largest block in bytes");
  const std::size_t turns = options.number("turns", 50000000, "slots visited");
  const bool toggle = options.flag("toggle", "fill a slot only when it was found empty");
  options.done();

  Mixer mixer(slots, min, max, toggle);
  bench::report(bench::run_threads(1, [&](std::size_t, bench::Lap& lap) {
    mixer.run(turns / 8 + 8 * slots);
    lap.start();
    lap.stop(mixer.run(turns));
  }));
}
