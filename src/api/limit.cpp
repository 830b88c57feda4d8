#include "api/limit.hpp"

#include "hakmem/hakmem.h"
#include "os/cgroup.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "thread/housekeeping.hpp"
#include "thread/last_resort.hpp"

namespace hakmem {

std::size_t limit_in_bytes(LimitChoice choice, std::size_t found, std::size_t machine) {
  const std::size_t whole = found < machine ? found : machine;
  switch (choice.kind) {
    case LimitChoice::Kind::kOff:
      break;
    case LimitChoice::Kind::kAuto:
      return found;
    case LimitChoice::Kind::kBytes:
      return choice.value;
    case LimitChoice::Kind::kPercent:
      return whole / 100 * choice.value;
  }
  return SIZE_MAX;
}

void boot_limits() {
  using Kind = LimitChoice::Kind;
  const auto follows_system = [](LimitChoice choice) {
    return choice.kind == Kind::kAuto || choice.kind == Kind::kPercent;
  };
  os::MemoryCgroup group;
  std::size_t found = SIZE_MAX;
  std::size_t machine = SIZE_MAX;
  if (follows_system(settings.limit) || follows_system(settings.hard_limit)) {
    group = os::find_memory_cgroup("");
    machine = os::physical_bytes();
    if (group.limit >= machine) group = {};  // no limit that anybody could reach
    const std::size_t address_space = os::address_space_limit();
    found = group.limit < address_space ? group.limit : address_space;
  }
  commitment.set_relief(give_back_idle_runs);
  commitment.set_limits(limit_in_bytes(settings.limit, found, machine),
                        limit_in_bytes(settings.hard_limit, found, machine), group);
}

bool limit_wants_background() { return commitment.has_limit() && settings.limit.kind != LimitChoice::Kind::kAuto; }

}  // namespace hakmem

extern "C" hak_limit_callback hak_on_limit(hak_limit_callback callback) {
  return hakmem::set_limit_callback(callback);
}
