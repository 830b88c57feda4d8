// Text: words and numbers, one after another, into a buffer that may be too short. Allocates
// nothing and asks no locale.
//
// Above: explain. Below: base. No locks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem {

class Text {
 public:
  // Writes at most size - 1 characters and a zero byte; nothing where `size` is 0.
  Text(char* buffer, std::size_t size) : buffer_(buffer), size_(size) {
    if (size_ != 0) buffer_[0] = '\0';
  }

  Text& operator<<(const char* words);
  Text& operator<<(std::uint64_t number);
  Text& hex(std::uint64_t number);

  // "640 KiB", "1.5 MiB".
  Text& bytes(std::uint64_t bytes);

  // "0", "12.5 us", "3.0 ms", "1.2 s"; below zero with a sign.
  Text& seconds(double seconds);

  // Spaces up to this column of the line.
  Text& pad_to(std::size_t column);

  // Characters of the whole text, whether or not they had room.
  std::size_t length() const { return length_; }

 private:
  void put(char c);
  void put_tenths(double value);

  char* buffer_;
  std::size_t size_;
  std::size_t length_ = 0;
  std::size_t line_start_ = 0;
};

}  // namespace hakmem
