// Producer and consumer: one thread allocates, the other frees, nothing ever comes back by itself.
//
// The producer fills batches of pointers in place in a bounded ring; the consumer frees them. Each
// block is written by the producer and read by the consumer. With --pairs N there are N such pairs
// at once. An op is one malloc or one free.
#include <array>
#include <cstdlib>
#include <memory>

#include "common.hpp"
#include "mailbox.hpp"

namespace {

constexpr std::size_t kMaxBatch = 256;
using Batch = std::array<char*, kMaxBatch>;
using Ring = bench::SpscRing<Batch, 32>;

struct Settings {
  std::size_t size;
  std::size_t batch;
};

void produce(Ring& ring, const Settings& settings, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i) {
    Batch* batch = ring.to_fill();
    for (; batch == nullptr; batch = ring.to_fill()) std::this_thread::yield();
    for (std::size_t k = 0; k < settings.batch; ++k) {
      (*batch)[k] = static_cast<char*>(std::malloc(settings.size));
      *(*batch)[k] = 1;
    }
    ring.publish();
  }
}

void consume(Ring& ring, const Settings& settings, std::size_t batches) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < batches; ++i) {
    Batch* batch = ring.to_drain();
    for (; batch == nullptr; batch = ring.to_drain()) std::this_thread::yield();
    for (std::size_t k = 0; k < settings.batch; ++k) {
      sum += static_cast<std::size_t>(*(*batch)[k]);
      std::free((*batch)[k]);
    }
    ring.release();
  }
  if (sum != batches * settings.batch) std::abort();  // a block was lost or overwritten on the way
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "producer_consumer: one thread allocates, another frees");
  const std::size_t pairs = options.number("pairs", 1, "pairs of threads");
  const std::size_t size = options.number("size", 64, "bytes per block");
  const std::size_t batch = options.number("batch", 128, "blocks per batch, 256 at the most");
  const std::size_t blocks = options.number("blocks", 30000000, "blocks per pair");
  options.done();
  if (batch == 0 || batch > kMaxBatch) return std::fputs("--batch must be 1 to 256\n", stderr), 2;

  const Settings settings{size, batch};
  const std::size_t batches = blocks / batch;
  const auto rings = std::make_unique<Ring[]>(pairs);
  bench::report(bench::run_threads(2 * pairs, [&](std::size_t self, bench::Lap& lap) {
    Ring& ring = rings[self / 2];
    const auto work = self % 2 == 0 ? produce : consume;
    work(ring, settings, batches / 8 + 1);
    lap.start();
    work(ring, settings, batches);
    lap.stop(batches * batch);
  }));
}
