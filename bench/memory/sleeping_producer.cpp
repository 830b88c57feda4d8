// A producer allocates 1 GiB and goes to sleep; a consumer frees it all. Does the memory come back?
//
// The blocks belong to a thread that makes no further call, as a worker of an idle pool does.
// Memory that waits for its owner stays resident. After the last free nobody calls the allocator
// for five seconds.
#include <condition_variable>
#include <mutex>

#include "fill.hpp"

namespace {

// The producer's two appointments: all is allocated; all is over.
struct Meeting {
  std::mutex mutex;
  std::condition_variable changed;
  bool allocated = false;
  bool over = false;

  void announce(bool& event) {
    const std::lock_guard lock(mutex);
    event = true;
    changed.notify_all();
  }
  void wait_for(const bool& event) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return event; });
  }
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(
      argc, argv,
      "sleeping_producer: resident memory after a consumer freed what a sleeper allocated");
  const std::size_t bytes =
      options.number("bytes", std::size_t{1} << 30, "bytes the producer allocates");
  const std::size_t min = options.number("min", 64, "smallest block in bytes");
  const std::size_t max = options.number("max", 4096, "largest block in bytes");
  options.done();

  Meeting meeting;
  const bench::Sizes sizes{min, max};
  bench::BlockTable blocks(bench::most_blocks(bytes, sizes));
  std::thread producer([&] {
    bench::Rng rng(1);
    bench::fill(blocks, bytes, sizes, rng);
    meeting.announce(meeting.allocated);
    meeting.wait_for(meeting.over);
  });
  meeting.wait_for(meeting.allocated);
  bench::print_resident("allocated");
  blocks.free_all();
  bench::watch_release();
  meeting.announce(meeting.over);
  producer.join();
}
