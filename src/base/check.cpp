#include "base/check.hpp"

#include <unistd.h>

#include <cstring>

namespace hakmem {

void assertion_failed(const char* condition, const char* file, int line) {
  char text[512];
  std::size_t n = 0;
  const auto add = [&](const char* s) {
    while (*s != '\0' && n < sizeof text - 16) text[n++] = *s++;
  };
  add("hakmem: assertion failed: ");
  add(condition);
  add(" at ");
  add(file);
  add(":");
  char digits[12];
  std::size_t d = 0;
  do digits[d++] = static_cast<char>('0' + line % 10);
  while ((line /= 10) != 0);
  while (d > 0) text[n++] = digits[--d];
  text[n++] = '\n';
  if (write(STDERR_FILENO, text, n) < 0) {
    // Nowhere left to say it.
  }
  __builtin_trap();
}

}  // namespace hakmem
