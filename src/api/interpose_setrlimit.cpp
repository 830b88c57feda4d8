// Interpose: setrlimit and prlimit, to give back the page map's address space before a limit on it would count it: shells (ulimit -v),
// servers and test harnesses limit themselves. Where a limit is there at the start, the map is compact from then on (api/boot.cpp).
//
// In a process of one thread alone: others may be reading the map. Not part of the static library, as pthread_create is not.
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/thread.hpp"
#include "pages/page_map.hpp"
#include "thread/boot_hook.hpp"
#include "thread/large_hooks.hpp"

namespace {

int set_limit(pid_t process, int resource, const void* limit, void* before) {
  return static_cast<int>(syscall(SYS_prlimit64, process, resource, limit, before));
}

// What hands have is found by the flat map only (large/hand.hpp).
void make_room_below(rlim64_t limit) {
  hakmem::boot();
  if (limit == RLIM64_INFINITY || limit / 2 > hakmem::page_map.reserved_bytes() || !hakmem::page_map.is_flat()) return;
  if (__libc_single_threaded == 0 || !hakmem::os::is_own_process()) return;
  hakmem::give_back_idle_large();
  hakmem::page_map.become_compact();
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int setrlimit64(int resource, const struct rlimit64* limit) noexcept {
  if (resource == RLIMIT_AS) make_room_below(limit->rlim_cur);
  return set_limit(0, resource, limit, nullptr);
}

[[gnu::visibility("default")]] int prlimit64(pid_t process, __rlimit_resource resource, const struct rlimit64* limit, struct rlimit64* before) noexcept {
  if (resource == RLIMIT_AS && limit != nullptr && (process == 0 || process == getpid())) make_room_below(limit->rlim_cur);
  return set_limit(process, resource, limit, before);
}

// On a 64-bit machine both structures are the same.
static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64));

[[gnu::visibility("default")]] int setrlimit(int resource, const struct rlimit* limit) noexcept {
  return setrlimit64(resource, reinterpret_cast<const struct rlimit64*>(limit));
}

[[gnu::visibility("default")]] int prlimit(pid_t process, __rlimit_resource resource, const struct rlimit* limit, struct rlimit* before) noexcept {
  return prlimit64(process, resource, reinterpret_cast<const struct rlimit64*>(limit), reinterpret_cast<struct rlimit64*>(before));
}

}
