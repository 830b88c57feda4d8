#include "os/cpu.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "os/file.hpp"
#include "os/sandbox.hpp"

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))
#define HAS_RSEQ_AREA 1
#else
#define HAS_RSEQ_AREA 0
#endif

extern "C" {
#if HAS_RSEQ_AREA
// glibc 2.35 and later; weak, so that older ones do.
[[gnu::weak]] extern const std::ptrdiff_t __rseq_offset;
[[gnu::weak]] extern const unsigned int __rseq_size;
#endif
}

namespace hakmem::os {

namespace {

constexpr int kMemsAllowed = 1 << 2;  // MPOL_F_MEMS_ALLOWED, linux/mempolicy.h
constexpr unsigned kNodeBits = 1024;  // the kernel's own bound (CONFIG_NODES_SHIFT)

#if HAS_RSEQ_AREA
const std::byte* thread_pointer() {
  const std::byte* pointer = nullptr;
#if defined(__x86_64__)
  asm("mov %%fs:0, %0" : "=r"(pointer));
#else
  asm("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
  return pointer;
}

// Negative: nobody has registered an area for this thread.
int registered_cpu() {
  constexpr std::size_t kCpuId = 4;  // struct rseq, linux/rseq.h
  if (&__rseq_size == nullptr || __rseq_size == 0) return -1;
  // The kernel writes it whenever the thread has moved.
  return *reinterpret_cast<const volatile int*>(thread_pointer() + __rseq_offset + kCpuId);
}
#else
int registered_cpu() { return -1; }
#endif

}  // namespace

bool affinity(CpuSet& into) {
  static_assert(sizeof(CpuSet) * 8 == kMostCpus);
  const int saved = errno;
  alignas(CpuSet) unsigned char mask[sizeof(CpuSet)] = {};
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  errno = saved;
  if (bytes <= 0) return false;
  std::memcpy(static_cast<void*>(&into), mask, sizeof mask);
  return true;
}

unsigned ask_for_cpu() {
  if (is_sandboxed()) return 0;
  const int saved = errno;
  const int cpu = sched_getcpu();
  errno = saved;
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}

unsigned current_cpu() {
  const int cpu = registered_cpu();
  return cpu >= 0 ? static_cast<unsigned>(cpu) : ask_for_cpu();
}

bool has_several_nodes() {
  const int saved = errno;
  unsigned long nodes[kNodeBits / (8 * sizeof(unsigned long))] = {};
  const long refused = syscall(SYS_get_mempolicy, nullptr, nodes, kNodeBits, nullptr, kMemsAllowed);
  const bool forbidden = refused != 0 && errno == EPERM;  // a container's filter
  errno = saved;
  if (forbidden) {
    char text[16];
    return read_small_file("/sys/devices/system/node/online", text, sizeof text) &&
           std::strcmp(text, "0\n") != 0;
  }
  int count = 0;
  for (const unsigned long word : nodes) count += __builtin_popcountl(word);
  return count > 1;
}

}  // namespace hakmem::os
