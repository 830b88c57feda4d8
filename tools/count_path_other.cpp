// count_path on machines whose instructions it does not know: says so, with ctest's status for a
// skipped test.
#include <fmt/format.h>

int main() {
  fmt::print("cannot count: count_path knows x86-64 instructions only\n");
  return 77;
}
