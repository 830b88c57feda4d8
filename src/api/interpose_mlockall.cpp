// Interpose: mlockall, for programs that lock what they have: time servers, cluster managers, databases.
//
// The flat page map's address space would count as locked, far above any limit but none: a program that gives its privileges up after
// it has locked its memory would get no more. Where the map cannot become compact, since others may be reading it, what nobody has
// used of it is unlocked again. Not part of the static library, as pthread_create is not.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/fork.hpp"
#include "os/memory.hpp"
#include "os/sandbox.hpp"
#include "pages/page_map.hpp"
#include "thread/compact_map.hpp"

namespace {

// Else there is nothing to count yet, or the kernel refuses the call.
bool asks_for_what_is_mapped(int flags) { return (flags & MCL_CURRENT) != 0 && (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) == 0; }

// What is more than the limit it refuses, but for the privileged.
bool may_lock_all_but_the_map() {
  const std::size_t others = hakmem::os::memory_use().mapped - hakmem::page_map.reserved_bytes();
  return others <= hakmem::os::kernel_limit(RLIMIT_MEMLOCK) || geteuid() == 0;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int mlockall(int flags) noexcept {
  const bool may_look = !hakmem::os::is_sandboxed() && !hakmem::holds_a_lock();
  if (may_look && asks_for_what_is_mapped(flags) && may_lock_all_but_the_map()) hakmem::make_map_compact();
  const int result = static_cast<int>(syscall(SYS_mlockall, flags));
  if (result == 0) hakmem::page_map.unlock_unused();
  return result;
}
