// mid_large_mt: blocks of 8, 16 and 32 KiB; each thread has its own working set of slots.
//
// Each turn visits a random slot: an empty one is filled, an occupied one is freed with 25 % chance
// and else left alone. With --dense an occupied one is always freed, so that every turn calls the
// allocator. With --slots 8192 the working sets exceed the caches. An op is one turn. Only the
// first bytes of a block are written: at these sizes filling the block would hide the allocator.
#include <array>
#include <cstdlib>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::array<std::size_t, 3> kSizes = {8 << 10, 16 << 10, 32 << 10};

class WorkingSet {
 public:
  WorkingSet(std::size_t slots, std::uint64_t seed, bool dense)
      : slots_(slots), rng_(seed), keep_(dense ? 0 : 3) {}
  ~WorkingSet() {
    for (void* block : slots_) std::free(block);
  }
  WorkingSet(const WorkingSet&) = delete;
  WorkingSet& operator=(const WorkingSet&) = delete;

  void run(std::size_t turns) {
    for (std::size_t i = 0; i < turns; ++i) {
      const std::uint64_t dice = rng_.next();
      void*& slot = slots_[bench::Rng::scale(dice >> 32, slots_.size())];
      if (slot == nullptr) {
        slot = std::malloc(kSizes[bench::Rng::scale(dice, kSizes.size())]);
        *static_cast<volatile std::uint64_t*>(slot) = dice;
      } else if ((dice & keep_) == 0) {
        std::free(slot);
        slot = nullptr;
      }
    }
  }

 private:
  std::vector<void*> slots_;
  bench::Rng rng_;
  std::uint64_t keep_;  // an occupied slot is freed when these bits of the dice are all zero
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(
      argc, argv, "mid_large_mt: 8, 16 and 32 KiB in random slots, a working set per thread");
  const std::size_t threads = options.number("threads", 2, "threads");
  const std::size_t slots = options.number("slots", 256, "slots per thread");
  const std::size_t turns = options.number("turns", 30000000, "slots visited per thread");
  const bool dense = options.flag("dense", "free every occupied slot that is visited");
  options.done();

  bench::report(bench::run_threads(threads, [&](std::size_t self, bench::Lap& lap) {
    WorkingSet set(slots, self + 1, dense);
    set.run(turns / 10 + 8 * slots);
    lap.start();
    set.run(turns);
    lap.stop(turns);
  }));
}
