#include "thread/housekeeping.hpp"

#include "depot/depot.hpp"
#include "pages/commitment.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store.hpp"
#include "slabs/slab_shard.hpp"
#include "thread/huge_choice.hpp"
#include "thread/idle_bundles.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"
#include "thread/looks.hpp"
#include "thread/registry.hpp"
#include "thread/shared_slabs.hpp"
#include "thread/tuner.hpp"

namespace hakmem {

namespace {

constinit Atomic<std::uint64_t> next_due_ms{0};
constinit Atomic<std::uint64_t> next_trim_ms{0};
constinit Atomic<std::uint64_t> next_bundles_ms{0};
constinit Atomic<void (*)()> due_hook{nullptr};
constinit Atomic<std::uint32_t> trims{0};

void trim_depot(const void* heap, bool all) {
  depots.trim(all, [heap](Magazine* bundle) {
    return_blocks(heap, bundle->slots(), bundle->count);
    bundle->count = 0;
    if (bundle->is_short) {
      recycle_short_magazine(bundle);
    } else {
      bundle->chain = nullptr;
      give_empty_chain(bundle);
    }
  });
}

// Two threads may both find it due: what follows is safe for both, and a lock-free claim is cheaper
// than an exact one.
bool is_due(Atomic<std::uint64_t>& due, std::uint64_t now_ms, std::uint64_t period_ms) {
  if (now_ms < due.load_relaxed()) return false;
  due.store_relaxed(now_ms + period_ms);
  return true;
}

}  // namespace

void do_what_is_due(const void* heap, std::uint64_t now_ms) {
  // By then what waits for the budget would have gone, had anybody looked.
  if (looks.note(now_ms) > release_budget.longest_wait_ms()) release_budget.refill();
  if (now_ms >= large_due_ms.load_relaxed()) tick_large(now_ms);
  if (!is_due(next_due_ms, now_ms, knobs::kHousekeepingMs)) return;
  const std::uint64_t release_ns = release_cpu_ns.load_relaxed();
  if (release_budget.has_changed(release_ns)) release_budget.look(os::process_cpu_ns(), release_ns);
  if (commitment.is_over_soft()) return_everything_idle(heap);
  if (is_due(next_trim_ms, now_ms, knobs::kFlushMs)) {
    close_parked_heaps(now_ms, false);
    trim_depot(heap, false);
    trim_shared_slabs(false);
  }
  if (is_due(next_bundles_ms, now_ms, knobs::kIdleBundlesMs)) empty_idle_bundles();
  run_store.purge(now_ms, false);
  measure_small_pages_once();
  collapse_what_is_paid();
  tune(now_ms);
  if (auto* hook = due_hook.load_relaxed()) hook();
}

std::uint64_t next_due(std::uint64_t now_ms) {
  if (run_store.dirty_bytes() != 0 || any_parked_heap() || depots.has_stock() || any_open_bundle() || any_shared_slab_waits() ||
      is_collapsing()) {
    return now_ms + knobs::kHousekeepingMs;
  }
  return large_due_ms.load_relaxed();
}

void return_everything_idle(const void* heap) {
  close_parked_heaps(os::now_ms(), true);
  trim_depot(heap, true);
  trim_shared_slabs(true);
  give_back_idle_runs();
}

void give_back_idle_runs() {
  if (idle_large_bytes() != 0) give_back_idle_large();
  if (run_store.dirty_bytes() != 0) run_store.purge(os::now_ms(), true);
}

void ask_for_trim() { trims.fetch_add_relaxed(1); }
std::uint32_t trims_asked() { return trims.load_relaxed(); }

void set_due_hook(void (*hook)()) { due_hook.store_relaxed(hook); }

}  // namespace hakmem
