// A C++ program that uses hakmem's containers. Each must take its memory from hakmem and give it
// back. Prints two versions: the header's and the library's.
#include <cstdio>
#include <cstdlib>
#include <hakmem/pmr.hpp>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kLarge = std::size_t{1}
                               << 20;  // a block of its own, which the statistics count one by one

std::uint64_t large_blocks() {
  hak_stats stats;
  if (hak_stats_get(&stats, sizeof stats) != 0) std::abort();
  return stats.large_blocks;
}

// `make()` returns an object that holds one large block while it lives.
template <typename Make>
void check(const char* what, Make make) {
  const std::uint64_t before = large_blocks();
  bool taken = false;
  {
    const auto holder = make();
    taken = large_blocks() == before + 1;
  }
  if (taken && large_blocks() == before) return;
  std::fprintf(stderr, "%s: its memory is not hakmem's, or was not given back\n", what);
  std::exit(EXIT_FAILURE);
}

void check_release() {
  const std::uint64_t before = large_blocks();
  hakmem::heap_resource heap;
  static_cast<void>(heap.allocate(kLarge));
  heap.release();
  if (large_blocks() == before) return;
  std::fprintf(stderr, "heap_resource::release: a block is left\n");
  std::exit(EXIT_FAILURE);
}

}  // namespace

int main() {
  std::printf("%d.%d.%d\n%s\n", HAKMEM_VERSION_MAJOR, HAKMEM_VERSION_MINOR, HAKMEM_VERSION_PATCH,
              hak_version());
  std::fflush(stdout);
  hakmem::memory_resource plain;
  hakmem::heap_resource heap;
  check("operator new", [] { return std::make_unique<std::vector<char>>(kLarge); });
  check("allocator", [] { return std::vector<char, hakmem::allocator<char>>(kLarge); });
  check("memory_resource", [&] { return std::pmr::vector<char>(kLarge, &plain); });
  check("heap_resource", [&] { return std::pmr::string(kLarge, 'x', &heap); });
  check_release();
  return EXIT_SUCCESS;
}
