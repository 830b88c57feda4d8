// False sharing, timed and counted: which allocator puts blocks of two threads into one cache line?
//
// Three ways of asking; the first two follow the Hoard paper (Berger et al., ASPLOS 2000):
//   --mode 1  passive (cache-scratch): the main thread allocates blocks and deals them out like
//             cards; each thread frees its own, then allocates the same size again. An allocator
//             that gives a thread what it freed, wherever that lies, shares lines.
//   --mode 2  active (cache-thrash): threads allocate one block each, in lock step.
//   --mode 3  mixed: random sizes; a quarter of the blocks go to other threads, which free them.
// Modes 1 and 2 run for several sizes and print the sum. At check points all threads stop at a
// barrier and the lines with live blocks of two or more threads are counted: `shared_lines` of
// `live_lines`. An op is one malloc or one free.
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common.hpp"
#include "line_census.hpp"
#include "mailbox.hpp"

namespace {

enum class Mode : std::size_t { kPassive = 1, kActive = 2, kMixed = 3 };

constexpr std::array<std::size_t, 10> kSizes = {8, 16, 24, 32, 48, 64, 96, 128, 192, 256};

struct Settings {
  Mode mode;
  std::size_t threads;
  std::size_t blocks;
  std::size_t turns;
  std::size_t writes;
};

struct Block {
  void* at = nullptr;
  std::size_t size = 0;

  void allocate(std::size_t wanted) {
    at = std::malloc(wanted);
    size = wanted;
    bench::touch_ends(at, size);
  }
  void release() {
    std::free(at);
    at = nullptr;
  }
};

// Everything the threads share: the barrier at which the main thread counts, the cards it deals,
// the mailboxes.
struct Table {
  explicit Table(const Settings& s)
      : settings(s),
        gate(static_cast<std::ptrdiff_t>(s.threads + 1)),
        step(static_cast<std::ptrdiff_t>(s.threads)),
        hands(s.threads, std::vector<Block>(s.blocks)),
        post(s.threads) {}

  Settings settings;
  std::barrier<> gate;                    // workers and main
  std::barrier<> step;                    // workers only, for lock step
  std::vector<std::vector<Block>> hands;  // the live blocks of each thread
  bench::PostOffice post;
};

class Worker {
 public:
  Worker(Table& table, std::size_t self)
      : table_(table),
        settings_(table.settings),
        self_(self),
        hand_(table.hands[self]),
        rng_(self + 1) {}

  // Gate by gate the mirror of the main thread's play().
  void play(std::size_t size) {
    table_.gate.arrive_and_wait();  // dealt
    first_fill(size);
    table_.gate.arrive_and_wait();  // first check point begins
    table_.gate.arrive_and_wait();  // and ends
    for (std::size_t i = 0; i < settings_.turns; ++i) churn(size);
    table_.step.arrive_and_wait();
    table_.post.free_received(self_);
    table_.gate.arrive_and_wait();  // second check point begins
    table_.gate.arrive_and_wait();  // and ends
    for (Block& block : hand_) block.release();
    table_.gate.arrive_and_wait();  // all is free
  }

 private:
  std::size_t wanted(std::size_t size) { return size != 0 ? size : rng_.between(8, 256); }

  void first_fill(std::size_t size) {
    if (settings_.mode == Mode::kPassive) {
      for (Block& block : hand_) block.release();
    }
    for (Block& block : hand_) {
      if (settings_.mode == Mode::kActive) table_.step.arrive_and_wait();
      block.allocate(wanted(size));
    }
  }

  void churn(std::size_t size) {
    for (std::size_t i = 0; i < hand_.size(); ++i) {
      Block& block = settings_.mode == Mode::kMixed ? hand_[rng_.below(hand_.size())] : hand_[i];
      if (settings_.mode != Mode::kMixed || !hand_over(block)) block.release();
      block.allocate(wanted(size));
      for (std::size_t k = 0; k < settings_.writes; ++k) bench::touch_ends(block.at, block.size);
    }
    if (settings_.mode == Mode::kMixed) table_.post.free_received(self_);
  }

  bool hand_over(const Block& block) {
    if (settings_.threads < 2 || rng_.below(4) != 0) return false;
    const std::size_t to = (self_ + 1 + rng_.below(settings_.threads - 1)) % settings_.threads;
    return table_.post.send(self_, to, block.at);
  }

  Table& table_;
  const Settings& settings_;
  std::size_t self_;
  std::vector<Block>& hand_;
  bench::Rng rng_;
};

void deal(Table& table, std::size_t size) {
  if (table.settings.mode != Mode::kPassive) return;
  for (std::size_t i = 0; i < table.settings.blocks; ++i) {
    for (std::vector<Block>& hand : table.hands) hand[i].allocate(size);
  }
}

void count(const Table& table, bench::LineCensus& census) {
  for (std::size_t owner = 0; owner < table.hands.size(); ++owner) {
    for (const Block& block : table.hands[owner]) census.add(owner, block.at, block.size);
  }
  census.close();
}

// The main thread's side of one game, gate by gate; returns the time of the churn.
double play(Table& table, std::size_t size, bench::LineCensus& census) {
  deal(table, size);
  table.gate.arrive_and_wait();
  table.gate.arrive_and_wait();
  count(table, census);
  const double begin = bench::now_seconds();
  table.gate.arrive_and_wait();
  table.gate.arrive_and_wait();
  const double seconds = bench::now_seconds() - begin;
  count(table, census);
  table.gate.arrive_and_wait();
  table.gate.arrive_and_wait();
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "false_sharing: lines that hold live blocks of two threads");
  const std::size_t mode = options.number("mode", 1, "1 passive, 2 active, 3 mixed");
  const std::size_t threads = options.number("threads", 4, "threads");
  const std::size_t blocks = options.number("blocks", 200, "live blocks per thread");
  const std::size_t turns =
      options.number("turns", 4000, "times each block is freed and allocated again, per size");
  const std::size_t writes = options.number("writes", 4, "writes to each new block");
  options.done();
  if (mode < 1 || mode > 3) return std::fputs("--mode must be 1, 2 or 3\n", stderr), 2;

  const Settings settings{static_cast<Mode>(mode), threads, blocks, turns, writes};
  std::vector<std::size_t> sizes(kSizes.begin(), kSizes.end());
  if (settings.mode == Mode::kMixed)
    sizes.assign(kSizes.size(), 0);  // 0: a random size for each block

  Table table(settings);
  bench::LineCensus census(threads * blocks, kSizes.back());
  std::vector<std::thread> workers;
  for (std::size_t self = 0; self < threads; ++self) {
    workers.emplace_back([&, self] {
      Worker worker(table, self);
      for (const std::size_t size : sizes) worker.play(size);
    });
  }
  bench::Measured total{2 * sizes.size() * threads * blocks * turns, 0};
  for (const std::size_t size : sizes) total.seconds += play(table, size, census);
  for (std::thread& worker : workers) worker.join();

  std::printf("shared_lines: %zu\nlive_lines: %zu\n", census.shared_lines(), census.live_lines());
  bench::report(total);
}
