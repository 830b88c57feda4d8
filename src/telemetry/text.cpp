#include "telemetry/text.hpp"

namespace hakmem {

void Text::put(char c) {
  if (length_ + 1 < size_) {
    buffer_[length_] = c;
    buffer_[length_ + 1] = '\0';
  }
  ++length_;
  if (c == '\n') line_start_ = length_;
}

Text& Text::operator<<(const char* words) {
  for (; *words != '\0'; ++words) put(*words);
  return *this;
}

Text& Text::hex(std::uint64_t number) {
  constexpr unsigned kDigits = 16;
  char digits[kDigits + 1] = {};
  unsigned at = kDigits;
  do digits[--at] = "0123456789abcdef"[number % 16];
  while ((number /= 16) != 0);
  return *this << "0x" << digits + at;
}

Text& Text::operator<<(std::uint64_t number) {
  char digits[20];
  std::size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (n > 0) put(digits[--n]);
  return *this;
}

// One digit behind the point, for what is below 100.
void Text::put_tenths(double value) {
  if (value >= 99.95) {
    *this << static_cast<std::uint64_t>(value + 0.5);
    return;
  }
  const auto tenths = static_cast<std::uint64_t>(value * 10 + 0.5);
  *this << tenths / 10 << "." << tenths % 10;
}

Text& Text::bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  if (bytes < 1024) return *this << bytes << " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.5 && unit + 1 < 6; ++unit) value /= 1024;
  put_tenths(value);
  return *this << kUnits[unit];
}

Text& Text::seconds(double seconds) {
  if (seconds < 0) {
    *this << "-";
    seconds = -seconds;
  }
  constexpr double kMost = 1e15;
  if (!(seconds < kMost)) return *this << "forever";
  if (seconds < 0.5e-7) return *this << "0";
  const bool is_us = seconds < 0.9995e-3;
  const bool is_ms = !is_us && seconds < 0.9995;
  put_tenths(is_us ? seconds * 1e6 : is_ms ? seconds * 1e3 : seconds);
  return *this << (is_us ? " us" : is_ms ? " ms" : " s");
}

Text& Text::pad_to(std::size_t column) {
  while (length_ < line_start_ + column) put(' ');
  return *this;
}

}  // namespace hakmem
