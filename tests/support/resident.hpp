// Reads how much memory the process holds, and waits for it to fall.
//
// Neither function calls the allocator: tests that ask "does memory go back by itself" must not be
// the ones who remind the allocator to do it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <ctime>

namespace support {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

// Resident set in bytes: the second field of /proc/self/statm, in pages.
inline std::size_t resident_bytes() {
  char text[128] = {};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  char* second = nullptr;
  std::strtoull(text, &second, 10);
  return std::strtoull(second, nullptr, 10) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

inline std::size_t resident_mib() { return resident_bytes() / kMiB; }

inline void sleep_ms(long milliseconds) {
  timespec left = {milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  while (nanosleep(&left, &left) != 0) {
  }
}

// The resident set in MiB as soon as it is below `bound`, or what it is after `seconds`.
inline std::size_t resident_mib_within(std::size_t bound, int seconds) {
  for (int tick = 0; tick < seconds * 20 && resident_mib() >= bound; ++tick) sleep_ms(50);
  return resident_mib();
}

// How much a resident set may differ between two moments of the same work: what waits for its release
// delay. On a machine with several nodes each of them has some, touched at another time.
inline bool has_several_nodes() { return std::getenv("HAKMEM_TOPOLOGY") != nullptr; }
inline std::size_t slack_mib() { return has_several_nodes() ? 32 : 8; }

}  // namespace support
