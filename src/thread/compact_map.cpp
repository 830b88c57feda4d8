#include "thread/compact_map.hpp"

#include "base/lock.hpp"
#include "os/fork.hpp"
#include "os/thread.hpp"
#include "pages/page_map.hpp"
#include "thread/background.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

namespace {

constexpr unsigned kLooks = 10;
constexpr unsigned kLooksForOurs = 500;  // it ends for certain, but may have to wait for a processor
constexpr std::uint32_t kBetweenLooksUs = 1000;

constexpr std::uint64_t kFar = 64;  // times the map

// A thread that has been joined, or ended, is counted for a moment more.
template <typename IsSo>
bool becomes(IsSo is_so, unsigned looks) {
  for (unsigned look = 1; !is_so(); ++look) {
    if (look == looks) return false;
    lock_pause(kBetweenLooksUs);
  }
  return true;
}

void compact_if_alone(unsigned looks) {
  if (becomes(os::is_alone, looks) && empty_large_hands()) page_map.become_compact();
}

}  // namespace

bool is_limit_near_map(std::uint64_t limit) { return limit / kFar < page_map.reserved_bytes(); }

// A handler may have interrupted this thread in the middle of a change; none comes in the middle of this one.
void make_map_compact() {
  if (!page_map.is_flat() || !os::is_own_process()) return;
  os::block_signals();
  const bool is_watched = background_runs();
  if (!is_watched || (becomes([] { return os::thread_count() == 2; }, kLooks) && pause_background())) {
    compact_if_alone(is_watched ? kLooksForOurs : kLooks);
    if (is_watched) resume_background();
  }
  os::restore_signals();
}

void make_map_compact_at_once() {
  if (!page_map.is_flat() || background_runs() || !os::is_own_process()) return;
  os::block_signals();
  compact_if_alone(1);
  os::restore_signals();
}

}  // namespace hakmem
