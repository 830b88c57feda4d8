// 180 MiB stay live while 600 MiB of large blocks of many lengths come and go: does it fit in 256
// MiB?
//
// Each turn allocates some large blocks, touches every page of them and frees them all. An
// allocator that keeps what was freed, length by length, grows to the sum of them; the program
// itself never needs more than its live blocks and one turn. Under a limit the program is killed,
// gets no memory, or runs to its end. Prints its peak resident memory.
#include <sys/resource.h>

#include <vector>

#include "fill.hpp"

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Block {
  unsigned char* start;
  std::size_t bytes;
};

[[noreturn]] void give_up(std::size_t bytes) {
  std::fprintf(stderr, "no memory for %zu bytes\n", bytes);
  std::exit(1);
}

Block make_block(std::size_t bytes) {
  auto* start = static_cast<unsigned char*>(std::malloc(bytes));
  if (start == nullptr) give_up(bytes);
  bench::touch_pages(start, bytes);
  start[0] = static_cast<unsigned char>(bytes >> 4);
  return {start, bytes};
}

void free_block(const Block& block) {
  if (block.start[0] != static_cast<unsigned char>(block.bytes >> 4)) std::abort();
  std::free(block.start);
}

// Half of it small blocks, half large ones.
std::vector<Block> make_live(std::size_t total, bench::Rng& rng) {
  std::vector<Block> live;
  for (std::size_t made = 0; made < total;) {
    const bool is_small = made < total / 2;
    live.push_back(make_block(is_small ? rng.between(64, 4096) : rng.between(64 << 10, kMiB)));
    made += live.back().bytes;
  }
  return live;
}

// One turn's blocks are as long as no other turn's.
void tempt(std::size_t total, std::size_t at_once, bench::Rng& rng) {
  for (std::size_t done = 0; done < total;) {
    const std::size_t bytes = rng.between(64 << 10, at_once / 2);
    std::vector<Block> turn;
    for (std::size_t made = 0; made + bytes <= at_once && made < 8 * bytes; made += bytes) {
      turn.push_back(make_block(bytes));
      done += bytes;
    }
    for (const Block& block : turn) free_block(block);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(
      argc, argv, "temptation: peak memory of live blocks beside large ones that come and go");
  const std::size_t live_bytes = options.number("live", 180 * kMiB, "bytes that stay");
  const std::size_t passing =
      options.number("passing", 600 * kMiB, "bytes of large blocks that come and go");
  const std::size_t at_once =
      options.number("at-once", 32 * kMiB, "of these, live at once at most");
  const std::size_t rounds = options.number("rounds", 3, "how often they pass");
  options.done();

  bench::Rng rng(1);
  const std::vector<Block> live = make_live(live_bytes, rng);
  for (std::size_t round = 0; round < rounds; ++round) tempt(passing, at_once, rng);
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  bench::print_mib("peak", static_cast<std::size_t>(use.ru_maxrss));
  for (const Block& block : live) free_block(block);
  std::puts("finished");
}
