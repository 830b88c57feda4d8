// Interpose: prctl, to learn when the program begins to give up system calls (os/sandbox.hpp).
//
// Who may not have a filter otherwise asks for PR_SET_NO_NEW_PRIVS before, also those who make the filter by another call. It is not
// part of the static library, as pthread_create is not.
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

#include "os/sandbox.hpp"

extern "C" [[gnu::visibility("default")]] int prctl(int option, ...) noexcept {
  std::va_list list;
  va_start(list, option);
  unsigned long arguments[4];
  for (unsigned long& argument : arguments) argument = va_arg(list, unsigned long);
  va_end(list);
  const auto call = [&] { return static_cast<int>(syscall(SYS_prctl, option, arguments[0], arguments[1], arguments[2], arguments[3])); };
  const bool gives_up = option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP;
  if (!gives_up) return call();
  hakmem::os::sandbox_steps.fetch_add_relaxed(1);
  const int result = call();
  if (result != 0) hakmem::os::sandbox_steps.fetch_sub_relaxed(1);  // as of who only asks whether there are filters
  return result;
}
