#include "thread/last_resort.hpp"

#include <cerrno>

#include "pages/commitment.hpp"
#include "pages/run_store.hpp"
#include "thread/cache.hpp"
#include "thread/heap.hpp"
#include "thread/housekeeping.hpp"
#include "thread/idle_bundles.hpp"

namespace hakmem {

namespace {

constinit Atomic<LimitCallback> callback{nullptr};
constinit thread_local bool asking = false;

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
