// Move pages: mremap() with MREMAP_DONTUNMAP, one mapping of the kernel's after the other.
//
//   from   | mapping | mapping          |       a block that has been moved before: what was moved, and its room to grow, which the
//   to     | mapping                    |       kernel does not merge
//
// Before Linux 6.17 mremap() unmaps the target before it finds that the source spans two mappings, and fails then: whoever copies
// instead writes to what is not there any more, or is another thread's. So each length is one that lies in one mapping.
#include "os/move_pages.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "os/memory.hpp"

#if !defined(MREMAP_DONTUNMAP)
#define MREMAP_DONTUNMAP 4
#endif
#if !defined(MAP_FIXED_NOREPLACE)
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace hakmem::os {

namespace {

// Asks for a page more in place: whatever comes of it, EFAULT is said first, of what spans two mappings.
bool lies_in_one_mapping(std::byte* start, std::size_t bytes) {
  if (mremap(start, bytes, bytes + memory.page_size, 0) == MAP_FAILED) return errno != EFAULT;
  munmap(start + bytes, memory.page_size);
  return true;
}

// At most `bytes`, at least a page.
std::size_t bytes_in_first_mapping(std::byte* start, std::size_t bytes) {
  if (lies_in_one_mapping(start, bytes)) return bytes;
  std::size_t within = 1;
  std::size_t beyond = bytes / memory.page_size;
  while (beyond - within > 1) {
    const std::size_t middle = within + (beyond - within) / 2;
    (lies_in_one_mapping(start, middle * memory.page_size) ? within : beyond) = middle;
  }
  return within * memory.page_size;
}

// For want of memory the kernel may fail after it has unmapped the target.
void map_if_unmapped(std::byte* start, std::size_t bytes) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  mmap(start, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

}  // namespace

std::size_t kernel_move_pages(std::byte* from, std::size_t bytes, std::byte* to) {
  constexpr int kFlags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  std::size_t moved = 0;
  while (moved < bytes) {
    const std::size_t next = bytes_in_first_mapping(from + moved, bytes - moved);
    if (mremap(from + moved, next, next, kFlags, to + moved) != to + moved) {
      if (errno != EINVAL) map_if_unmapped(to + moved, next);  // EINVAL: before Linux 5.7
      return moved;
    }
    moved += next;
  }
  return moved;
}

}  // namespace hakmem::os
