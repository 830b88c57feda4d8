// Input: the bytes of one fuzz input, read as numbers and texts; and the check that ends a failed
// run.
//
// A fuzzer defines LLVMFuzzerTestOneInput() and draws every decision from an Input, so that the
// same bytes always do the same. An input that is used up gives zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace fuzz {

class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size) : at_(bytes), end_(bytes + size) {}

  bool used_up() const { return at_ == end_; }

  std::uint8_t byte() { return used_up() ? std::uint8_t{0} : *at_++; }

  // From 0 to `limit` - 1; two bytes where one does not reach.
  std::size_t below(std::size_t limit) {
    const std::size_t low = byte();
    return (limit > 256 ? low | std::size_t{byte()} << 8 : low) % limit;
  }

  bool one_in(std::size_t n) { return below(n) == 0; }

  // Up to `longest` bytes as they are, without zero bytes.
  std::string text(std::size_t longest) {
    std::string out(below(longest + 1), ' ');
    for (char& c : out) {
      const std::uint8_t b = byte();
      if (b != 0) c = static_cast<char>(b);
    }
    return out;
  }

  // One of `count` parts of what is left, for threads.
  Input part(std::size_t i, std::size_t count) const {
    const auto length = static_cast<std::size_t>(end_ - at_) / count;
    return {at_ + i * length, length};
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

[[noreturn]] inline void fail(const char* file, int line, const char* what) {
  std::printf("%s:%d: does not hold: %s\n", file, line, what);
  std::fflush(stdout);
  std::abort();
}

}  // namespace fuzz

#define FUZZ_CHECK(condition) ((condition) ? void() : fuzz::fail(__FILE__, __LINE__, #condition))
