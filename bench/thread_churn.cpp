// Thread churn: threads that live only as long as one small task, a few of them at a time.
//
// Each allocates some hundreds of blocks, inherits some from the thread before it on its lane and
// frees those, leaves some to the next one and exits. Creating and joining the threads is part of
// the time: what an allocator does at a thread's start and exit is what is asked for. An op is one
// malloc or one free.
#include <array>
#include <cstdlib>

#include "common.hpp"

namespace {

struct Settings {
  std::size_t blocks;
  std::size_t min;
  std::size_t max;
};

// What one thread leaves to the next on the same lane. The main thread joins the one before it
// starts the other.
struct Legacy {
  static constexpr std::size_t kCapacity = 32;
  std::array<void*, kCapacity> blocks{};
  bench::Rng rng{1};

  void free_all() {
    for (void*& block : blocks) {
      std::free(block);
      block = nullptr;
    }
  }
};

void live_once(Legacy& legacy, const Settings& settings) {
  std::array<void*, Legacy::kCapacity> working{};
  legacy.free_all();
  for (std::size_t i = 0; i < settings.blocks; ++i) {
    const std::size_t size = legacy.rng.between(settings.min, settings.max);
    void*& slot = working[i % working.size()];
    std::free(slot);
    slot = std::malloc(size);
    bench::touch_ends(slot, size);
  }
  legacy.blocks = working;
}

void run_lanes(std::vector<Legacy>& lanes, std::size_t lives, const Settings& settings) {
  std::vector<std::thread> alive(lanes.size());
  for (std::size_t i = 0; i < lives; ++i) {
    const std::size_t lane = i % lanes.size();
    if (alive[lane].joinable()) alive[lane].join();
    alive[lane] = std::thread([&, lane] { live_once(lanes[lane], settings); });
  }
  for (std::thread& thread : alive) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv,
                         "thread_churn: short-lived threads that leave blocks to their successors");
  const std::size_t alive = options.number("alive", 4, "threads alive at a time");
  const std::size_t lives = options.number("lives", 10000, "threads in all");
  const std::size_t blocks = options.number("blocks", 400, "blocks each allocates, at least 32");
  const std::size_t min = options.number("min", 16, "smallest block in bytes");
  const std::size_t max = options.number("max", 2000, "largest block in bytes");
  options.done();

  const Settings settings{blocks, min, max};
  std::vector<Legacy> lanes(alive);
  for (std::size_t i = 0; i < alive; ++i) lanes[i].rng = bench::Rng(i + 1);
  bench::report(bench::run_threads(1, [&](std::size_t, bench::Lap& lap) {
    run_lanes(lanes, lives / 10 + alive, settings);
    lap.start();
    run_lanes(lanes, lives, settings);
    lap.stop(2 * lives * blocks);  // in the long run each thread frees as many as it allocates
  }));
  for (Legacy& lane : lanes) lane.free_all();
}
