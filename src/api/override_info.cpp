// Override: the C library's reports and controls: mallinfo, malloc_info, malloc_stats, malloc_trim,
// mallopt. The layout of the records is glibc's (malloc.h).
#include <malloc.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "api/allocate.hpp"
#include "api/snapshot.hpp"

#define HAK_REPLACE [[gnu::visibility("default")]]

namespace {

struct mallinfo2 as_mallinfo(const hak_stats& stats) {
  struct mallinfo2 info {};
  info.arena = stats.mapped_bytes;
  info.ordblks = 1;
  info.hblks = stats.huge_blocks;
  info.hblkhd = stats.huge_bytes;
  info.uordblks = stats.small_in_use + stats.large_bytes;
  info.fordblks = stats.mapped_bytes - info.uordblks;
  info.keepcost = stats.dirty_bytes;
  return info;
}

int saturate(std::size_t n) { return n > INT_MAX ? INT_MAX : static_cast<int>(n); }

// One line a figure, written without allocating: no stdio buffer may be needed while reporting.
void print_line(FILE* out, const char* what, std::uint64_t bytes) {
  std::fprintf(out, "%-22s %14llu\n", what, static_cast<unsigned long long>(bytes));
}

void print_xml_size(FILE* out, const char* type, std::uint64_t count, std::uint64_t bytes) {
  std::fprintf(out, "<total type=\"%s\" count=\"%llu\" size=\"%llu\"/>\n", type,
               static_cast<unsigned long long>(count), static_cast<unsigned long long>(bytes));
}

}  // namespace

extern "C" {

HAK_REPLACE struct mallinfo2 mallinfo2(void) {
  hak_stats stats;
  hakmem::gather_stats(&stats);
  return as_mallinfo(stats);
}

HAK_REPLACE struct mallinfo mallinfo(void) {
  const struct mallinfo2 wide = mallinfo2();
  struct mallinfo info {};
  info.arena = saturate(wide.arena);
  info.ordblks = saturate(wide.ordblks);
  info.hblks = saturate(wide.hblks);
  info.hblkhd = saturate(wide.hblkhd);
  info.uordblks = saturate(wide.uordblks);
  info.fordblks = saturate(wide.fordblks);
  info.keepcost = saturate(wide.keepcost);
  return info;
}

HAK_REPLACE void malloc_stats(void) {
  hak_stats stats;
  hakmem::gather_stats(&stats);
  std::fprintf(stderr, "hakmem (bytes)\n");
  print_line(stderr, "resident", stats.resident_bytes);
  print_line(stderr, "in use, to 32 KiB", stats.small_in_use);
  print_line(stderr, "in use, to 32 MiB", stats.large_bytes);
  print_line(stderr, "in use, above", stats.huge_bytes);
  print_line(stderr, "free in slabs", stats.small_free);
  print_line(stderr, "in thread caches", stats.cached_bytes);
  print_line(stderr, "in the depot", stats.depot_bytes);
  print_line(stderr, "idle, to 32 MiB", stats.idle_run_bytes + stats.idle_run_lazy_bytes);
  print_line(stderr, "idle, above", stats.idle_huge_bytes + stats.idle_huge_lazy_bytes);
  print_line(stderr, "free runs", stats.free_run_bytes);
  print_line(stderr, "  of them, dirty", stats.dirty_bytes);
  print_line(stderr, "metadata", stats.metadata_bytes);
}

HAK_REPLACE int malloc_info(int options, FILE* out) {
  if (options != 0) {
    errno = EINVAL;
    return -1;
  }
  hak_stats stats;
  hakmem::gather_stats(&stats);
  std::fprintf(out, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
  for (std::uint32_t c = 0; c < stats.class_count; ++c) {
    const hak_stats_class& k = stats.classes[c];
    if (k.slabs == 0) continue;
    std::fprintf(out, "<size from=\"%u\" to=\"%u\" total=\"%llu\" count=\"%llu\"/>\n",
                 c == 0 ? 1 : stats.classes[c - 1].block_size + 1, k.block_size,
                 static_cast<unsigned long long>(k.free_blocks * k.block_size),
                 static_cast<unsigned long long>(k.free_blocks));
  }
  std::fprintf(out, "</sizes>\n</heap>\n");
  print_xml_size(out, "fast", 0, stats.cached_bytes + stats.depot_bytes);
  const std::uint64_t idle_runs = stats.idle_run_bytes + stats.idle_run_lazy_bytes;
  const std::uint64_t idle_huge = stats.idle_huge_bytes + stats.idle_huge_lazy_bytes;
  print_xml_size(out, "rest", 0, stats.small_free + stats.free_run_bytes + idle_runs + idle_huge);
  print_xml_size(out, "mmap", stats.huge_blocks, stats.huge_bytes);
  std::fprintf(out, "<system type=\"current\" size=\"%llu\"/>\n",
               static_cast<unsigned long long>(stats.mapped_bytes + stats.huge_bytes + idle_huge));
  std::fprintf(out, "</malloc>\n");
  return 0;
}

// `pad` is how much glibc would keep at the heap's top; this heap has no top.
HAK_REPLACE int malloc_trim(std::size_t) { return hakmem::trim() ? 1 : 0; }

// glibc's parameters are names of its own mechanisms; all are accepted and none applies.
HAK_REPLACE int mallopt(int, int) { return 1; }

}  // extern "C"
