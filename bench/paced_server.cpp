// Paced server: workers with pauses between requests, as a service below its full load has them, whose
// requests change their kind in phases.
//
// Each worker wakes every --every milliseconds, handles --requests requests and sleeps. A request
// allocates a few dozen blocks of the phase's sizes, keeps one in the worker's sessions, whose
// earlier block dies, hands one to another worker, and frees the rest. Phases of a second go round:
// records of 16 to 512 bytes, texts of 256 bytes to 4 KiB, pages of 4 to 32 KiB.
//
// The work is fixed, so what allocators differ in is CPU time and memory held: printed are both, and
// their sum at 0.125 CPU seconds a GiB-second.
#include <sys/resource.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "common.hpp"
#include "mailbox.hpp"
#include "memory/quiet.hpp"

namespace {

constexpr std::size_t kMaxBlocks = 48;
constexpr double kPrice = 0.125;
constexpr double kGib = 1024.0 * 1024;  // in KiB

struct Sizes {
  std::size_t least;
  std::size_t most;
};
constexpr std::array<Sizes, 3> kPhases = {Sizes{16, 512}, Sizes{256, 4 << 10}, Sizes{4 << 10, 32 << 10}};

class Worker {
 public:
  Worker(std::size_t self, std::size_t workers, std::size_t sessions, bench::PostOffice& post)
      : self_(self), workers_(workers), sessions_(sessions), post_(&post), rng_(self + 1) {}
  ~Worker() {
    for (void* block : sessions_) std::free(block);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void handle_one(const Sizes& sizes) {
    std::array<void*, kMaxBlocks> blocks;
    const std::size_t count = rng_.between(16, kMaxBlocks);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = rng_.between(sizes.least, sizes.most);
      blocks[i] = std::malloc(size);
      bench::touch_pages(blocks[i], size);
    }
    void*& session = sessions_[rng_.below(sessions_.size())];
    std::free(session);
    session = blocks[0];
    const std::size_t to = (self_ + 1 + rng_.below(workers_ - 1)) % workers_;
    if (!post_->send(self_, to, blocks[1])) std::free(blocks[1]);
    for (std::size_t i = count; i > 2; --i) std::free(blocks[i - 1]);
    post_->free_received(self_);
  }

 private:
  std::size_t self_;
  std::size_t workers_;
  std::vector<void*> sessions_;
  bench::PostOffice* post_;
  bench::Rng rng_;
};

void sleep_until(double when) {
  const double left = when - bench::now_seconds();
  if (left > 0) std::this_thread::sleep_for(std::chrono::duration<double>(left));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv, "paced_server: workers with pauses between requests, in phases");
  const std::size_t workers = options.number("workers", 8, "worker threads, at least 2");
  const std::size_t sessions = options.number("sessions", 200, "session slots per worker");
  const std::size_t every = options.number("every", 10, "milliseconds between a worker's wakings");
  const std::size_t requests = options.number("requests", 10, "requests each time");
  const std::size_t seconds = options.number("seconds", 12, "how long");
  options.done();
  if (workers < 2 || every < 1) return std::fputs("at least 2 workers and 1 millisecond\n", stderr), 2;

  bench::PostOffice post(workers);
  const double begin = bench::now_seconds();
  const auto serve = [&](std::size_t self) {
    Worker worker(self, workers, sessions, post);
    for (std::size_t turn = 0; turn < seconds * 1000 / every; ++turn) {
      sleep_until(begin + static_cast<double>(turn * every) * 1e-3);
      const Sizes& sizes = kPhases[turn * every / 1000 % kPhases.size()];
      for (std::size_t i = 0; i < requests; ++i) worker.handle_one(sizes);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t self = 0; self < workers; ++self) threads.emplace_back(serve, self);

  double kib = 0;
  const std::size_t looks = seconds * 20;
  for (std::size_t look = 0; look < looks; ++look) {
    sleep_until(begin + static_cast<double>(look + 1) * 0.05);
    kib += static_cast<double>(bench::resident_kib()) / static_cast<double>(looks);
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t self = 0; self < workers; ++self) post.free_received(self);

  const double cpu = cpu_seconds();
  const double memory = kPrice * kib / kGib * static_cast<double>(seconds);
  std::printf("cpu: %.4f\nmean resident: %.2f MiB\nbill: %.4f\n", cpu, kib / 1024, cpu + memory);
}
