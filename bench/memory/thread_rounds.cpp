// Threads that come and go: does the ten thousandth cost more than the hundredth?
//
// First 10,000 threads one after another, then rounds of 500 at once. Each allocates a few hundred
// blocks of all small and middle sizes and frees them. Memory that exits do not hand on shows as
// growth between the first and the last.
#include "fill.hpp"

namespace {

constexpr bench::Sizes kSizes{16, 32 << 10};
constexpr std::size_t kBytesEach = 512 << 10;

void live_once(std::size_t seed) {
  bench::Rng rng(seed);
  bench::BlockTable blocks(bench::most_blocks(kBytesEach, kSizes));
  bench::fill(blocks, kBytesEach, kSizes, rng);
  blocks.free_all();
}

void run_in_turn(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) std::thread(live_once, i).join();
}

// The threads meet before they exit, so that all heaps exist at the same time.
void run_at_once(std::size_t count) {
  std::barrier<> all(static_cast<std::ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      live_once(i);
      all.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "thread_rounds: resident memory as threads come and go");
  const std::size_t first = options.number("first", 100, "threads before the first look");
  const std::size_t turns = options.number("turns", 10000, "threads one after another");
  const std::size_t at_once = options.number("at-once", 500, "threads at once");
  const std::size_t rounds = options.number("rounds", 5, "rounds of threads at once");
  options.done();

  run_in_turn(0, first);
  bench::print_resident("in turn, first");
  run_in_turn(first, turns);
  bench::print_resident("in turn, last");
  run_at_once(at_once);
  bench::print_resident("at once, first");
  for (std::size_t i = 1; i < rounds; ++i) run_at_once(at_once);
  bench::print_resident("at once, last");
}
