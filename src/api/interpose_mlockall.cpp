// Interpose: mlockall, for programs that lock what they have: time servers, cluster managers, databases.
//
// The flat page map's address space would count as locked, far above any limit but none: a program that gives its privileges up after
// it has locked its memory would get no more. Where the map cannot become compact, since others may be reading it, what nobody has
// used of it is unlocked again. Not part of the static library, as pthread_create is not.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/fork.hpp"
#include "pages/page_map.hpp"
#include "thread/compact_map.hpp"

extern "C" [[gnu::visibility("default")]] int mlockall(int flags) noexcept {
  if (!hakmem::holds_a_lock()) hakmem::make_map_compact();
  const int result = static_cast<int>(syscall(SYS_mlockall, flags));
  if (result == 0) hakmem::page_map.unlock_unused();
  return result;
}
