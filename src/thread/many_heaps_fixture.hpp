// For tests of what is so among many heaps alone.
#pragma once

#include <barrier>
#include <thread>
#include <vector>

#include "config/knobs.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/registry.hpp"

namespace hakmem {

// With the second heap the process knows how many processors it has.
inline void know_processors() {
  boot();
  deallocate(allocate(16));
  std::thread([] { deallocate(allocate(16)); }).join();
}

// So many threads with heaps that many_heaps() is true while it lives.
class ManyHeaps {
 public:
  ManyHeaps() : barrier_(static_cast<std::ptrdiff_t>(kThreads) + 1) {
    for (unsigned i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] {
        deallocate(allocate(16));
        barrier_.arrive_and_wait();
        barrier_.arrive_and_wait();
      });
    }
    barrier_.arrive_and_wait();
  }
  ~ManyHeaps() {
    barrier_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }
  ManyHeaps(const ManyHeaps&) = delete;
  ManyHeaps& operator=(const ManyHeaps&) = delete;

 private:
  const unsigned kThreads = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() + 1;
  std::barrier<> barrier_;
  std::vector<std::thread> threads_;
};

}  // namespace hakmem
