// A million small blocks at once, freed in the same, the reverse and a random order.
//
// The working set exceeds every thread cache and every CPU cache, so that refills, drains and the
// store behind the thread caches are what counts. An op is one malloc or one free; each order is
// also reported by itself.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "common.hpp"

namespace {

class Population {
 public:
  Population(std::size_t count, std::size_t min, std::size_t max)
      : blocks_(count), sizes_(count), order_(count) {
    for (std::size_t& size : sizes_) size = rng_.between(min, max);
  }

  void arrange_same() { std::iota(order_.begin(), order_.end(), std::size_t{0}); }
  void arrange_reverse() {
    arrange_same();
    std::reverse(order_.begin(), order_.end());
  }
  void arrange_random() {
    arrange_same();
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng_.below(i)]);
  }

  bench::Measured allocate_and_free() {
    const double begin = bench::now_seconds();
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i] = std::malloc(sizes_[i]);
      *static_cast<volatile char*>(blocks_[i]) = 1;
    }
    for (const std::size_t i : order_) std::free(blocks_[i]);
    return {2 * blocks_.size(), bench::now_seconds() - begin};
  }

 private:
  bench::Rng rng_{7};
  std::vector<void*> blocks_;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> order_;
};

struct Order {
  const char* name;
  void (Population::*arrange)();
  bench::Measured total{};
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv,
                         "tiny_batch_large: many small blocks at once, freed in three orders");
  const std::size_t count = options.number("blocks", 1000000, "blocks at once");
  const std::size_t min = options.number("min", 16, "smallest block in bytes");
  const std::size_t max = options.number("max", 256, "largest block in bytes");
  const std::size_t rounds = options.number("rounds", 2, "rounds in each order");
  options.done();

  Population population(count, min, max);
  population.arrange_random();
  population.allocate_and_free();
  std::array<Order, 3> orders{{{"same", &Population::arrange_same},
                               {"reverse", &Population::arrange_reverse},
                               {"random", &Population::arrange_random}}};
  bench::Measured total;
  for (Order& order : orders) {
    (population.*order.arrange)();
    for (std::size_t i = 0; i < rounds; ++i) {
      const bench::Measured one = population.allocate_and_free();
      order.total.ops += one.ops;
      order.total.seconds += one.seconds;
    }
    std::printf("%s: %.2f Mops/s\n", order.name,
                static_cast<double>(order.total.ops) / order.total.seconds / 1e6);
    total.ops += order.total.ops;
    total.seconds += order.total.seconds;
  }
  bench::report(total);
}
