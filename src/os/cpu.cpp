#include "os/cpu.hpp"

#include <sched.h>

#include <cerrno>

namespace hakmem::os {

unsigned effective_cpus() {
  const int saved = errno;
  cpu_set_t set;
  CPU_ZERO(&set);
  // Machines with more than 1,024 processors answer EINVAL: many is then the right answer.
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : CPU_SETSIZE;
  errno = saved;
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

}  // namespace hakmem::os
