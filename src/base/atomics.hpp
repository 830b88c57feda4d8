// Atomics with the memory order in the function's name, and no default.
//
// Every use that is not relaxed names its partner in a comment at the call.
//
// Above: everything. Below: nothing. Any thread.
#pragma once

#include <atomic>

namespace hakmem {

template <typename T>
class Atomic {
 public:
  constexpr Atomic() = default;
  constexpr explicit Atomic(T value) : value_(value) {}

  T load_relaxed() const { return value_.load(std::memory_order_relaxed); }
  T load_acquire() const { return value_.load(std::memory_order_acquire); }
  void store_relaxed(T value) { value_.store(value, std::memory_order_relaxed); }
  void store_release(T value) { value_.store(value, std::memory_order_release); }
  T exchange_acquire(T value) { return value_.exchange(value, std::memory_order_acquire); }
  T exchange_acq_rel(T value) { return value_.exchange(value, std::memory_order_acq_rel); }

  T fetch_add_relaxed(T n) { return value_.fetch_add(n, std::memory_order_relaxed); }
  T fetch_sub_relaxed(T n) { return value_.fetch_sub(n, std::memory_order_relaxed); }
  T fetch_add_acq_rel(T n) { return value_.fetch_add(n, std::memory_order_acq_rel); }
  T fetch_sub_acq_rel(T n) { return value_.fetch_sub(n, std::memory_order_acq_rel); }
  T fetch_or_acq_rel(T bits) { return value_.fetch_or(bits, std::memory_order_acq_rel); }
  T fetch_and_acq_rel(T bits) { return value_.fetch_and(bits, std::memory_order_acq_rel); }

  // For store-then-load protocols (slabs/bitmap.hpp), where acquire and release are not enough.
  T load_seq_cst() const { return value_.load(std::memory_order_seq_cst); }
  T fetch_or_seq_cst(T bits) { return value_.fetch_or(bits, std::memory_order_seq_cst); }
  T exchange_seq_cst(T value) { return value_.exchange(value, std::memory_order_seq_cst); }

  bool try_replace_relaxed(T& expected, T desired) {
    return value_.compare_exchange_strong(expected, desired, std::memory_order_relaxed);
  }
  bool try_replace_acquire(T& expected, T desired) {
    return value_.compare_exchange_strong(expected, desired, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  // Strong, acquire on failure too: whoever loses sees what the winner installed.
  bool try_install(T& expected, T desired) {
    return value_.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
  }
  bool try_replace_release(T& expected, T desired) {
    return value_.compare_exchange_weak(expected, desired, std::memory_order_release,
                                        std::memory_order_relaxed);
  }
  bool try_replace_acq_rel(T& expected, T desired) {
    return value_.compare_exchange_weak(expected, desired, std::memory_order_acq_rel,
                                        std::memory_order_acquire);
  }

 private:
  std::atomic<T> value_{};
};

// Keeps the compiler from moving loads and stores across; the core may.
inline void compiler_barrier() { std::atomic_signal_fence(std::memory_order_seq_cst); }

// A hint to the core that this is a spin loop.
inline void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace hakmem
