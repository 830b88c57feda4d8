// What does a thread hold that has worked and now sleeps?
//
// Thousands of threads start and wait; then all of them work: they fill --bytes with blocks of
// --min to --max and free them, --rounds times; then they sleep, and nobody calls the allocator. Printed is what
// the process holds beyond what it held before they worked, in KiB a thread, after 0, 2 and 5
// seconds.
#include "fill.hpp"

namespace {

void print_each(const char* label, std::size_t before_kib, std::size_t threads) {
  const std::size_t now = bench::resident_kib();
  const std::size_t more = now > before_kib ? now - before_kib : 0;
  std::array<char, 128> line{};
  const int length =
      std::snprintf(line.data(), line.size(), "%s: %zu KiB a thread\n", label, more / threads);
  if (write(STDOUT_FILENO, line.data(), static_cast<std::size_t>(length)) != length) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "idle_threads: memory of threads that have worked and sleep");
  const std::size_t threads = options.number("threads", 2000, "threads");
  const std::size_t bytes = options.number("bytes", 64 << 10, "data each fills and frees");
  const bench::Sizes sizes{options.number("min", 16, "smallest block in bytes"),
                           options.number("max", 1024, "largest block in bytes")};
  const std::size_t rounds = options.number("rounds", 1, "how often each does so");
  options.done();

  std::barrier<> together(static_cast<std::ptrdiff_t>(threads + 1));
  std::vector<std::thread> crowd;
  for (std::size_t i = 0; i < threads; ++i) {
    crowd.emplace_back([&, i] {
      together.arrive_and_wait();
      together.arrive_and_wait();
      {
        bench::Rng rng(i);
        bench::BlockTable blocks(bench::most_blocks(bytes, sizes));
        for (std::size_t round = 0; round < rounds; ++round) {
          bench::fill(blocks, bytes, sizes, rng);
          blocks.free_all();
        }
      }
      together.arrive_and_wait();
      together.arrive_and_wait();
    });
  }
  together.arrive_and_wait();
  const std::size_t before = bench::resident_kib();
  together.arrive_and_wait();
  together.arrive_and_wait();
  print_each("after 0 s", before, threads);
  bench::sleep_seconds(2);
  print_each("after 2 s", before, threads);
  bench::sleep_seconds(3);
  print_each("after 5 s", before, threads);
  together.arrive_and_wait();
  for (std::thread& thread : crowd) thread.join();
}
