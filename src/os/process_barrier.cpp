#include "os/process_barrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/sandbox.hpp"

namespace hakmem::os {

namespace {

bool ask(int command) {
  if (is_sandboxed()) return false;
  const int saved = errno;
  const bool ok = syscall(SYS_membarrier, command, 0, 0) == 0;
  errno = saved;
  return ok;
}

}  // namespace

bool prepare_process_barrier() { return ask(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

// A forked child may have to ask again.
bool process_barrier() {
  if (ask(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return true;
  return prepare_process_barrier() && ask(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace hakmem::os
