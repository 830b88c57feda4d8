#include "api/misuse.hpp"

#include <cstdint>

#include "base/atomics.hpp"
#include "large/large.hpp"
#include "os/file.hpp"

namespace hakmem {

namespace {

constinit Atomic<bool> said_unknown{false};
constinit Atomic<bool> said_bad_pointer{false};

struct HexText {
  char text[2 + 16 + 1] = "0x";
  explicit HexText(const void* p) {
    const auto value = reinterpret_cast<std::uintptr_t>(p);
    char* out = text + 2;
    int shift = 60;
    while (shift > 0 && (value >> shift) == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[value >> shift & 15];
  }
};

bool first_time(Atomic<bool>& said) {
  bool expected = false;
  return said.try_replace_relaxed(expected, true);
}

}  // namespace

void report_unknown_pointer(const char* function, const void* block) {
  if (!first_time(said_unknown)) return;
  os::write_stderr("hakmem: ", function, "(", HexText(block).text,
                   ") ignored: not a block of this allocator, nor of another\n");
}

void report_bad_pointer(const char* function, const void* block) {
  if (!first_time(said_bad_pointer)) return;
  os::write_stderr("hakmem: ", function, "(", HexText(block).text,
                   ") ignored: no block starts there, or it is free already\n");
}

void report_bad_free(const void* block) { report_bad_pointer("free", block); }

}  // namespace hakmem
