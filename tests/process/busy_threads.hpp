// Threads that allocate and free all sizes, and each other's blocks, until they are told to stop.
#pragma once

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "support/opaque.hpp"

namespace process {

class BusyThreads {
 public:
  explicit BusyThreads(unsigned count) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~BusyThreads() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    for (auto& slot : shared_) std::free(slot.load());
  }

 private:
  void work(unsigned seed) {
    std::mt19937_64 random(seed);
    while (!stop_) {
      const std::size_t size = std::size_t{1} << random() % (random() % 64 == 0 ? 21 : 14);
      void* const block = std::malloc(support::opaque(size + random() % size));
      std::free(shared_[random() % shared_.size()].exchange(block));
    }
  }

  std::atomic<bool> stop_{false};
  std::vector<std::atomic<void*>> shared_{256};
  std::vector<std::thread> threads_;
};

}  // namespace process
