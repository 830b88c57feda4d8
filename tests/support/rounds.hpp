// Rounds of something that takes 1 ms on one machine and 300 ms on another: so many, or as many as there is time for.
#pragma once

#include <chrono>

namespace support {

class Rounds {
 public:
  explicit Rounds(int most, std::chrono::seconds time = std::chrono::seconds(5))
      : left_(most), end_(std::chrono::steady_clock::now() + time) {}

  // Whether there is to be another one; of the first kLeast always.
  bool begin_next() {
    if (left_ == 0 || (begun_ >= kLeast && std::chrono::steady_clock::now() >= end_)) return false;
    --left_;
    ++begun_;
    return true;
  }

  // 1 and up.
  int current() const { return begun_; }

 private:
  static constexpr int kLeast = 5;

  int left_;
  int begun_ = 0;
  const std::chrono::steady_clock::time_point end_;
};

}  // namespace support
