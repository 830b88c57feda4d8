// Cgroup: the memory limit that the system has put on this process's group, and how near it is; and
// how much processor time the group may have.
//
// The process's own group is looked for in /proc/self/cgroup, and from there every group up to the
// root counts, since each may have a limit of its own; the lowest one is in force. Both versions
// are read:
//
//   v2   memory.max, memory.high     memory.current       memory.pressure
//   v1   memory.limit_in_bytes       memory.usage_in_bytes
//   v2   cpu.max                     v1   cpu.cfs_quota_us, cpu.cfs_period_us
//
// A container often shows its own group as the root: folders that are not there are passed over.
//
// Above: commitment, place, boot. Below: file. System calls. What looks for groups is called by one
// thread at a time (at boot, and by the one that has claimed the places), the rest by any.
#pragma once

#include <cstddef>

namespace hakmem::os {

struct MemoryCgroup {
  static constexpr std::size_t kMostPath = 512;

  std::size_t limit = static_cast<std::size_t>(-1);  // SIZE_MAX: none
  bool is_v2 = false;
  char folder[kMostPath] = {};  // of the group whose limit it is; "" where there is none
};

// `root`: where proc/ and sys/ are found, "" but in tests.
MemoryCgroup find_memory_cgroup(const char* root);

// What the limit is compared with, but for file pages that the kernel can drop: bytes, 0 when
// unknown.
std::size_t working_set_bytes(const MemoryCgroup& group);

// In how many of a hundred moments of the last ten seconds some task waited for memory; 0 when
// unknown.
unsigned memory_stall_percent(const MemoryCgroup& group);

// How many processors' worth of time the group may use, rounded up; kNoQuota: all there is.
inline constexpr unsigned kNoQuota = ~0U;
unsigned cpu_quota(const char* root);

}  // namespace hakmem::os
