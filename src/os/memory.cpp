#include "os/memory.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "base/atomics.hpp"
#include "base/bits.hpp"
#include "os/file.hpp"
#include "os/move_pages.hpp"
#include "os/sandbox.hpp"

#if !defined(SYS_process_madvise)
#define SYS_process_madvise 440
#endif

namespace hakmem::os {

namespace {

// Every function keeps errno: free must, and malloc sets its own.
class KeepErrno {
 public:
  ~KeepErrno() { errno = saved_; }

 private:
  int saved_ = errno;
};

std::byte* map_anywhere(std::size_t bytes, bool accounted) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (accounted ? 0 : MAP_NORESERVE);
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

bool kernel_unmap(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  return munmap(start, bytes) == 0;
}

std::byte* kernel_map(std::size_t bytes, std::size_t alignment, bool accounted) {
  const KeepErrno keep;
  std::byte* p = map_anywhere(bytes, accounted);
  if (p == nullptr || (reinterpret_cast<std::uintptr_t>(p) & (alignment - 1)) == 0) return p;
  munmap(p, bytes);
  if (bytes + alignment < bytes) return nullptr;
  p = map_anywhere(bytes + alignment, accounted);
  if (p == nullptr) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  const std::size_t head = align_up(address, alignment) - address;
  if (head != 0) munmap(p, head);
  if (alignment != head) munmap(p + head + bytes, alignment - head);
  return p + head;
}

bool kernel_discard(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  return madvise(start, bytes, MADV_DONTNEED) == 0;
}

// Ranges of oneself: Linux 6.13 allows it, and 6.14 without a descriptor (PIDFD_SELF_PROCESS).
constexpr int kSelf = -10001;
constexpr std::size_t kMostRanges = 64;
Atomic<bool> takes_ranges{true};

// The bytes that are done; 0: the kernel cannot do it, or refuses the first range.
std::size_t discard_vector(const MemoryRange* ranges, std::size_t count) {
  iovec vectors[kMostRanges];
  for (std::size_t i = 0; i < count; ++i) vectors[i] = {ranges[i].start, ranges[i].bytes};
  const long done = syscall(SYS_process_madvise, kSelf, vectors, count, MADV_DONTNEED, 0);
  if (done > 0) return static_cast<std::size_t>(done);
  if (errno == ENOSYS || errno == EPERM || errno == EBADF) takes_ranges.store_relaxed(false);
  return 0;
}

std::size_t kernel_discard_ranges(const MemoryRange* ranges, std::size_t count) {
  const KeepErrno keep;
  std::size_t done = 0;
  while (done < count) {
    const std::size_t rest = count - done < kMostRanges ? count - done : kMostRanges;
    std::size_t bytes = rest > 1 && takes_ranges.load_relaxed() && !is_sandboxed() ? discard_vector(ranges + done, rest) : 0;
    if (bytes == 0) {
      if (madvise(ranges[done].start, ranges[done].bytes, MADV_DONTNEED) != 0) return done;
      bytes = ranges[done].bytes;
    }
    const std::size_t before = done;
    for (; done < count && bytes >= ranges[done].bytes; ++done) bytes -= ranges[done].bytes;
    if (done != before) continue;
    // The kernel cuts a call at 2 GiB, and this range is longer.
    if (madvise(ranges[done].start, ranges[done].bytes, MADV_DONTNEED) != 0) return done;
    ++done;
  }
  return done;
}

bool kernel_free_lazily(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  return madvise(start, bytes, MADV_FREE) == 0;
}

Atomic<bool> can_populate{true};

bool kernel_populate(std::byte* start, std::size_t bytes) {
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which older headers do not name
  const KeepErrno keep;
  if (!can_populate.load_relaxed() || is_sandboxed()) return false;
  if (madvise(start, bytes, kPopulateWrite) == 0) return true;
  if (errno == EINVAL || errno == EPERM || errno == ENOSYS) can_populate.store_relaxed(false);
  return false;
}

void kernel_advise_huge(std::byte* start, std::size_t bytes, bool wanted) {
  const KeepErrno keep;
  if (is_sandboxed()) return;
  madvise(start, bytes, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

bool kernel_collapse(std::byte* start, std::size_t bytes) {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, which glibc 2.36 does not name
  const KeepErrno keep;
  return memory.page_size == 4096 && !is_sandboxed() && madvise(start, bytes, kCollapse) == 0;
}

std::size_t move_pages_quietly(std::byte* from, std::size_t bytes, std::byte* to) {
  const KeepErrno keep;
  return kernel_move_pages(from, bytes, to);
}

void kernel_skip_in_dumps(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  if (!is_sandboxed()) madvise(start, bytes, MADV_DONTDUMP);
}

std::byte* kernel_map_zeros(std::size_t bytes) {
  const KeepErrno keep;
  void* p = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

void kernel_unlock(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  if (!is_sandboxed()) munlock(start, bytes);
}

bool kernel_make_writable(std::byte* start, std::size_t bytes) {
  const KeepErrno keep;
  return mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;
}

void kernel_prefer_node(std::byte* start, std::size_t bytes, unsigned node) {
  constexpr int kPreferred = 1;  // MPOL_PREFERRED, linux/mempolicy.h
  constexpr unsigned kWordBits = 8 * sizeof(unsigned long);
  unsigned long nodes[1024 / kWordBits] = {};
  const KeepErrno keep;
  if (is_sandboxed()) return;
  nodes[node / kWordBits % (1024 / kWordBits)] = 1UL << (node % kWordBits);
  syscall(SYS_mbind, start, bytes, kPreferred, nodes, sizeof nodes * 8, 0);
}

}  // namespace

MemoryOps memory{};

void use_kernel_memory() {
  memory = {static_cast<std::size_t>(sysconf(_SC_PAGESIZE)),
            kernel_map,
            kernel_unmap,
            kernel_discard,
            kernel_discard_ranges,
            kernel_free_lazily,
            kernel_populate,
            kernel_advise_huge,
            kernel_collapse,
            move_pages_quietly,
            kernel_skip_in_dumps,
            kernel_map_zeros,
            kernel_unlock,
            kernel_make_writable,
            kernel_prefer_node};
}

HugePages system_huge_pages() {
  char text[64];
  read_small_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text);
  for (const char* p = text; *p != '\0'; ++p) {
    if (*p == '[') return p[1] == 'a' ? HugePages::kAlways : p[1] == 'm' ? HugePages::kMadvise : HugePages::kNever;
  }
  return HugePages::kNever;
}

// While nobody has asked for reports it is 11 (the first order that no page has; Linux 5.14 to 6.0) or 4294967295. Larger base pages, with
// other orders, do not matter: their huge ones are not ours.
bool is_reported_order(const char* text) {
  const bool one_digit = text[0] >= '1' && text[0] <= '9' && text[1] == '\n';
  return one_digit || (text[0] == '1' && text[1] == '0' && text[2] == '\n');
}

bool host_takes_free_pages() {
  char text[16];
  return read_small_file("/sys/module/page_reporting/parameters/page_reporting_order", text, sizeof text) && is_reported_order(text);
}

bool is_mapped(const void* address) {
  if (is_sandboxed()) return true;
  const KeepErrno keep;
  const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(address) & ~(memory.page_size - 1);
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(page), 1, &resident) == 0;
}

std::size_t resident_pages(const std::byte* start, std::size_t bytes) {
  if (is_sandboxed()) return 0;
  const KeepErrno keep;
  unsigned char state[1024];
  const std::size_t most = sizeof state * memory.page_size;
  if (bytes > most) bytes = most;
  if (mincore(const_cast<std::byte*>(start), bytes, state) != 0) return 0;
  std::size_t resident = 0;
  for (std::size_t i = 0; i < bytes / memory.page_size; ++i) resident += state[i] & 1;
  return resident;
}

std::size_t address_space_limit() {
  const KeepErrno keep;
  rlim_t least = RLIM_INFINITY;
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur < least) least = limit.rlim_cur;
  }
  return least == RLIM_INFINITY ? SIZE_MAX : least;
}

// By the system call: getrlimit may be ours, and say what the program asked for (api/interpose_setrlimit.cpp).
std::size_t kernel_limit(int resource) {
  const KeepErrno keep;
  rlimit64 limit{};
  if (is_sandboxed() || syscall(SYS_prlimit64, 0, resource, nullptr, &limit) != 0) return SIZE_MAX;
  return limit.rlim_cur == RLIM64_INFINITY ? SIZE_MAX : limit.rlim_cur;
}

bool strict_overcommit() {
  char text[16];
  return read_small_file("/proc/sys/vm/overcommit_memory", text, sizeof text) && text[0] == '2';
}

std::size_t physical_bytes() {
  const KeepErrno keep;
  const long pages = sysconf(_SC_PHYS_PAGES);
  return pages <= 0 ? SIZE_MAX : static_cast<std::size_t>(pages) * memory.page_size;
}

std::size_t huge_resident_bytes() {
  char text[2048];
  read_small_file("/proc/self/smaps_rollup", text, sizeof text);
  static constexpr char kName[] = "AnonHugePages:";
  const char* p = std::strstr(text, kName);
  if (p == nullptr) return 0;
  p += sizeof kName - 1;
  while (*p == ' ') ++p;
  std::size_t kib = 0;
  for (; *p >= '0' && *p <= '9'; ++p) kib = kib * 10 + static_cast<std::size_t>(*p - '0');
  return kib * 1024;
}

std::size_t peak_resident_bytes() {
  const KeepErrno keep;
  rusage usage{};
  if (is_sandboxed()) return 0;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

MemoryUse memory_use() {
  char text[128];
  if (!read_small_file("/proc/self/statm", text, sizeof text)) return {0, 0};
  const char* p = text;
  const auto next_bytes = [&p] {
    std::size_t pages = 0;
    for (; *p >= '0' && *p <= '9'; ++p) pages = pages * 10 + static_cast<std::size_t>(*p - '0');
    if (*p == ' ') ++p;
    return pages * memory.page_size;
  };
  const std::size_t mapped = next_bytes();
  return {mapped, next_bytes()};
}

}  // namespace hakmem::os
