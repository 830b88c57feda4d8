#include "thread/last_resort.hpp"

#include <sys/resource.h>

#include <cerrno>

#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/run_store.hpp"
#include "thread/cache.hpp"
#include "thread/compact_map.hpp"
#include "thread/heap.hpp"
#include "thread/housekeeping.hpp"
#include "thread/idle_bundles.hpp"

namespace hakmem {

namespace {

constinit Atomic<LimitCallback> callback{nullptr};
constinit thread_local bool asking = false;

// A limit on address space that was set from outside, or without the C library: the flat map is most of what it counts. One that was
// raised by the map is not below that.
void give_map_back_if_counted() {
  if (!page_map.is_flat()) return;
  const std::size_t limit = os::kernel_limit(RLIMIT_AS);
  const std::uint64_t raised_by = limit_raised_by.load_relaxed();
  if (!is_limit_near_map(limit) || (raised_by != 0 && limit >= raised_by)) return;
  make_map_compact_at_once();
  if (!page_map.is_flat()) limit_raised_by.store_relaxed(0);
}

}  // namespace

// Twice around: what comes home from the depot may empty slabs that this heap has attached. A bundle is
// idle when two looks see it the same.
void give_everything_back() {
  ask_for_trim();
  empty_idle_bundles();
  empty_idle_bundles();
  return_everything_idle(nullptr);
  if (thread_cache.heap != nullptr) thread_cache.heap->flush_all();
  return_everything_idle(nullptr);
}

LimitCallback set_limit_callback(LimitCallback next) { return callback.exchange_acq_rel(next); }

void find_memory(std::size_t bytes) {
  const int saved = errno;
  if (commitment.fits(bytes, commitment.hard())) give_map_back_if_counted();
  give_everything_back();
  const LimitCallback ask = callback.load_acquire();  // pairs with set_limit_callback()
  if (ask != nullptr && !asking) {
    asking = true;
    ask(bytes);
    asking = false;
    give_everything_back();
  }
  errno = saved;
}

// It is counted where the page map is compact.
bool find_address_space(std::size_t bytes) { return !page_map.is_flat() && commitment.fits(bytes, commitment.hard()) && run_store.unmap_free(); }

}  // namespace hakmem
