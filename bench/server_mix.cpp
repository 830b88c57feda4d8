// Server mix: worker threads that handle requests, with sizes and lifetimes as a network service
// has them.
//
// A request allocates a few dozen blocks: most 16 to 256 bytes, some 1 to 8 KiB, a few 32 to 256
// KiB. One of them goes into the worker's session cache at a random slot, whose earlier block dies
// (lifetimes are geometric); one is handed to another worker, which frees it; the rest die with the
// request, the latest first. An op is one malloc or one free.
#include <array>
#include <cstdlib>
#include <vector>

#include "common.hpp"
#include "mailbox.hpp"

namespace {

constexpr std::size_t kMaxBlocks = 48;

std::size_t draw_size(bench::Rng& rng) {
  const std::size_t kind = rng.below(1000);
  if (kind < 900) return rng.between(16, 256);
  if (kind < 995) return rng.between(1 << 10, 8 << 10);
  return rng.between(32 << 10, 256 << 10);
}

class Worker {
 public:
  Worker(std::size_t self, std::size_t workers, std::size_t sessions, bench::PostOffice& post)
      : self_(self), workers_(workers), sessions_(sessions), post_(&post), rng_(self + 1) {}
  ~Worker() {
    for (void* block : sessions_) std::free(block);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  std::size_t handle(std::size_t requests) {
    ops_ = 0;
    for (std::size_t i = 0; i < requests; ++i) handle_one();
    return ops_;
  }

 private:
  void handle_one() {
    std::array<void*, kMaxBlocks> blocks;
    const std::size_t count = rng_.between(16, kMaxBlocks);
    for (std::size_t i = 0; i < count; ++i) blocks[i] = allocate();
    keep_in_session(blocks[0]);
    hand_over(blocks[1]);
    for (std::size_t i = count; i > 2; --i) release(blocks[i - 1]);
    ops_ += post_->free_received(self_);
  }

  void* allocate() {
    const std::size_t size = draw_size(rng_);
    void* block = std::malloc(size);
    bench::touch_pages(block, size);
    ++ops_;
    return block;
  }

  void release(void* block) {
    std::free(block);
    ++ops_;
  }

  void keep_in_session(void* block) {
    void*& session = sessions_[rng_.below(sessions_.size())];
    if (session != nullptr) release(session);
    session = block;
  }

  void hand_over(void* block) {
    const std::size_t to = (self_ + 1 + rng_.below(workers_ - 1)) % workers_;
    if (!post_->send(self_, to, block)) release(block);
  }

  std::size_t self_;
  std::size_t workers_;
  std::vector<void*> sessions_;
  bench::PostOffice* post_;
  bench::Rng rng_;
  std::size_t ops_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Options options(argc, argv,
                         "server_mix: workers that handle requests of many sizes and lifetimes");
  const std::size_t workers = options.number("workers", 4, "worker threads, at least 2");
  const std::size_t sessions = options.number("sessions", 1000, "session cache slots per worker");
  const std::size_t requests = options.number("requests", 250000, "requests per worker");
  options.done();
  if (workers < 2) return std::fputs("--workers must be at least 2\n", stderr), 2;

  bench::PostOffice post(workers);
  bench::report(bench::run_threads(workers, [&](std::size_t self, bench::Lap& lap) {
    Worker worker(self, workers, sessions, post);
    worker.handle(requests / 10 + 1);
    lap.start();
    lap.stop(worker.handle(requests));
  }));
  for (std::size_t self = 0; self < workers; ++self) post.free_received(self);
}
