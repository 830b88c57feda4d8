// 64 threads allocate 16 MiB each, free it and exit. What stays behind?
//
// All threads hold their blocks at the same time; then each frees its own and exits, or
// (--main-frees) exits and leaves that to the main thread. Afterwards nobody calls the allocator
// for five seconds.
#include <memory>

#include "fill.hpp"

int main(int argc, char** argv) {
  bench::Options options(
      argc, argv, "exited_threads: resident memory after many threads freed theirs and exited");
  const std::size_t threads = options.number("threads", 64, "threads");
  const std::size_t bytes = options.number("bytes", std::size_t{16} << 20, "bytes each allocates");
  const std::size_t min = options.number("min", 16, "smallest block in bytes");
  const std::size_t max = options.number("max", 32 << 10, "largest block in bytes");
  const bool main_frees = options.flag("main-frees", "leave the blocks to the main thread to free");
  options.done();

  const bench::Sizes sizes{min, max};
  std::vector<std::unique_ptr<bench::BlockTable>> tables;
  for (std::size_t i = 0; i < threads; ++i) {
    tables.push_back(std::make_unique<bench::BlockTable>(bench::most_blocks(bytes, sizes)));
  }
  std::barrier<> allocated(static_cast<std::ptrdiff_t>(threads + 1));
  std::barrier<> seen(static_cast<std::ptrdiff_t>(threads + 1));
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      bench::Rng rng(i + 1);
      bench::fill(*tables[i], bytes, sizes, rng);
      allocated.arrive_and_wait();
      seen.arrive_and_wait();
      if (!main_frees) tables[i]->free_all();
    });
  }
  allocated.arrive_and_wait();
  bench::print_resident("allocated");
  seen.arrive_and_wait();
  for (std::thread& worker : workers) worker.join();
  if (main_frees) {
    for (const auto& table : tables) table->free_all();
  }
  bench::watch_release();
}
