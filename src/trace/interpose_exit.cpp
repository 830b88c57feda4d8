// Interpose: the ends of a process that run no destructors.
#include <sys/syscall.h>
#include <unistd.h>

#include "trace/interpose.hpp"

namespace {

[[noreturn]] void leave(int status) {
  hakmem::trace::end_recording();
  for (;;) syscall(SYS_exit_group, status);
}

}  // namespace

extern "C" {

HAK_REPLACE void _exit(int status) { leave(status); }
HAK_REPLACE void _Exit(int status) { leave(status); }

}  // extern "C"
