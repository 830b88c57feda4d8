// How benchmark threads hand blocks to each other: bounded rings with one sender and one receiver,
// and a post office of one ring for each ordered pair of threads. No locks, no allocation after
// construction, so what is measured is the allocator's way of taking back another thread's block.
//
//   sender:    to_fill()  -> write the slot -> publish()
//   receiver:  to_drain() -> read the slot  -> release()
//   Only the receiver moves head_, only the sender tail_; head_ <= tail_ <= head_ + Capacity.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace bench {

template <class T, std::size_t Capacity>
class SpscRing {
 public:
  // The slot to write next, or nullptr when the ring is full. Sender only.
  T* to_fill() {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t head = head_.load(std::memory_order_acquire);  // pairs with release()
    return tail - head == Capacity ? nullptr : &slots_[tail % Capacity];
  }
  void publish() {
    // The release pairs with the acquire in to_drain(): the slot's content is seen with the index.
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // The slot to read next, or nullptr when the ring is empty. Receiver only.
  T* to_drain() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t tail = tail_.load(std::memory_order_acquire);  // pairs with publish()
    return tail == head ? nullptr : &slots_[head % Capacity];
  }
  void release() {
    // The release pairs with the acquire in to_fill(): the slot has been read before it is written
    // again.
    head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::array<T, Capacity> slots_{};
};

class PostOffice {
 public:
  explicit PostOffice(std::size_t threads)
      : threads_(threads), boxes_(std::make_unique<Box[]>(threads * threads)) {}

  // False when the receiver's box is full; the block stays the sender's.
  bool send(std::size_t from, std::size_t to, void* block) {
    Box& box = boxes_[to * threads_ + from];
    void** slot = box.to_fill();
    if (slot == nullptr) return false;
    *slot = block;
    box.publish();
    return true;
  }

  // Frees every block that waits for this thread; returns how many.
  std::size_t free_received(std::size_t self) {
    std::size_t freed = 0;
    for (std::size_t from = 0; from < threads_; ++from) {
      Box& box = boxes_[self * threads_ + from];
      for (void** slot = box.to_drain(); slot != nullptr; slot = box.to_drain(), ++freed) {
        std::free(*slot);
        box.release();
      }
    }
    return freed;
  }

 private:
  using Box = SpscRing<void*, 256>;
  std::size_t threads_;
  std::unique_ptr<Box[]> boxes_;
};

}  // namespace bench
