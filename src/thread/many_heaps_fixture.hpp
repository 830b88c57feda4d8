// For tests of what is so among many heaps alone.
#pragma once

#include <barrier>
#include <thread>
#include <vector>

#include "config/knobs.hpp"
#include "os/clock.hpp"
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

constexpr std::size_t kUnused = 20 * kKiB;  // no depot has any, so that a refill comes by the clock

// The calling thread's heap looks again whether to share: a second goes by, and a slow path is reached.
inline void look_again() {
  os::advance_clock_for_test(knobs::kFlushMs + 1);
  thread_heap()->flush_all();
  deallocate(allocate(kUnused));
}

// So many threads with heaps, by default just so many that many_heaps() is true, while it lives.
class ManyHeaps {
 public:
  explicit ManyHeaps(unsigned threads = knobs::kOwnSlabHeapsPerCpu * os::places.cpus() + 1)
      : barrier_(static_cast<std::ptrdiff_t>(threads) + 1) {
    for (unsigned i = 0; i < threads; ++i) {
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
  std::barrier<> barrier_;
  std::vector<std::thread> threads_;
};

}  // namespace hakmem
