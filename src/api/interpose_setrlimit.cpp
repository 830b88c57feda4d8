// Interpose: setrlimit, getrlimit and prlimit, for a program that limits its own address space: shells (ulimit -v), servers, test
// harnesses and their children, scripts. Where a limit is there at the start, the page map is compact from then on (api/boot.cpp).
//
// The flat map's address space would count. The map becomes compact before the limit holds, unless others may be reading it: then the
// kernel gets a limit that is higher by the map, of which the program does not hear; those that it executes have that much more.
//
// Not part of the static library, as pthread_create is not.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/fork.hpp"
#include "os/file.hpp"
#include "os/thread.hpp"
#include "pages/page_map.hpp"
#include "thread/compact_map.hpp"

using hakmem::limit_raised_by;
using hakmem::page_map;

namespace {

bool is_finite(const rlimit64& limit) { return limit.rlim_cur != RLIM64_INFINITY && limit.rlim_cur <= limit.rlim_max; }

rlim64_t raise(rlim64_t limit, rlim64_t by) { return by < RLIM64_INFINITY - limit ? limit + by : RLIM64_INFINITY; }

rlim64_t lower(rlim64_t limit, rlim64_t by) { return limit == RLIM64_INFINITY || limit < by ? limit : limit - by; }

// The child of a vfork has its parent's memory, and limits of its own.
bool is_about_this_map(pid_t process, int resource) {
  if (resource != RLIMIT_AS || !hakmem::os::is_own_process()) return false;
  return process == 0 || static_cast<std::uint32_t>(process) == hakmem::os::process_id();
}

int ask_kernel(pid_t process, int resource, const rlimit64* limit, rlimit64* before) {
  return static_cast<int>(syscall(SYS_prlimit64, process, resource, limit, before));
}

rlimit64 raise(const rlimit64& limit, rlim64_t by) { return {raise(limit.rlim_cur, by), raise(limit.rlim_max, by)}; }

// What was raised is raised as much again, so that the kernel says whether the limit may be so high: before the map becomes compact,
// and the limit exact.
int limit_address_space(const rlimit64& asked, rlimit64* before) {
  const rlim64_t raised_by = limit_raised_by.load_relaxed();
  if (raised_by != 0) {
    const rlimit64 as_before = raise(asked, raised_by);
    if (ask_kernel(0, RLIMIT_AS, &as_before, before) != 0) return -1;
    before = nullptr;
  }
  if (is_finite(asked) && hakmem::is_limit_near_map(asked.rlim_cur) && !hakmem::holds_a_lock()) hakmem::make_map_compact();
  const rlim64_t size_of_map = raised_by != 0 ? raised_by : page_map.reserved_bytes();
  const rlim64_t by = is_finite(asked) && page_map.is_flat() ? size_of_map : 0;
  const rlimit64 limit = raise(asked, by);
  const int result = ask_kernel(0, RLIMIT_AS, &limit, before);
  if (result == 0) limit_raised_by.store_relaxed(by);
  return result;
}

int limit_or_ask(pid_t process, int resource, const rlimit64* limit, rlimit64* before) {
  if (!is_about_this_map(process, resource)) return ask_kernel(process, resource, limit, before);
  const rlim64_t by = limit_raised_by.load_relaxed();
  const int result = limit != nullptr ? limit_address_space(*limit, before) : ask_kernel(0, resource, nullptr, before);
  if (result == 0 && before != nullptr) *before = {lower(before->rlim_cur, by), lower(before->rlim_max, by)};
  return result;
}

// On a 64-bit machine both structures are the same.
static_assert(sizeof(rlimit) == sizeof(rlimit64));

const rlimit64* same(const rlimit* limit) { return reinterpret_cast<const rlimit64*>(limit); }
rlimit64* same(rlimit* limit) { return reinterpret_cast<rlimit64*>(limit); }

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int setrlimit(int resource, const rlimit* limit) noexcept {
  return limit_or_ask(0, resource, same(limit), nullptr);
}

[[gnu::visibility("default")]] int setrlimit64(int resource, const rlimit64* limit) noexcept {
  return limit_or_ask(0, resource, limit, nullptr);
}

[[gnu::visibility("default")]] int getrlimit(int resource, rlimit* limit) noexcept {
  return limit_or_ask(0, resource, nullptr, same(limit));
}

[[gnu::visibility("default")]] int getrlimit64(int resource, rlimit64* limit) noexcept {
  return limit_or_ask(0, resource, nullptr, limit);
}

[[gnu::visibility("default")]] int prlimit(pid_t process, __rlimit_resource resource, const rlimit* limit, rlimit* before) noexcept {
  return limit_or_ask(process, resource, same(limit), same(before));
}

[[gnu::visibility("default")]] int prlimit64(pid_t process, __rlimit_resource resource, const rlimit64* limit, rlimit64* before) noexcept {
  return limit_or_ask(process, resource, limit, before);
}

}
