#include "api/snapshot.hpp"

#include <cstring>

#include "api/snapshot_knobs.hpp"
#include "api/snapshot_learning.hpp"
#include "large/large.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/metadata.hpp"
#include "pages/release_time.hpp"
#include "telemetry/stats_file.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/housekeeping.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

void count_slab(hak_stats* stats, const Slab* slab) {
  const std::size_t c = index_of(slab->size_class);
  const std::uint64_t slots = slab->shape().slots;
  const std::uint64_t free = slab->free_slots();
  stats->classes[c].slabs += 1;
  stats->classes[c].blocks += slots;
  stats->classes[c].free_blocks += free;
  stats->small_free += free * kClassSize[c];
  stats->small_in_use += (slots - free) * kClassSize[c];
}

void count_granules(hak_stats* stats) {
  run_store.for_each_granule([stats](Granule g, Tag tag) {
    if (owner_of(tag) != kNoOwner) {
      const auto* slab = static_cast<const Slab*>(page_map.details_of(g));
      if (slab->run->first == g) count_slab(stats, slab);
    } else if (tag == tag_for(Kind::kLarge)) {
      stats->large_blocks += 1;
      stats->large_bytes += static_cast<const Run*>(page_map.details_of(g))->bytes();  // with room to grow, as of huge ones
    }
  });
}

// What the caches hold was counted as in use by its slabs.
void count_caches(hak_stats* stats) {
  for (std::uint32_t id = 0; id < owner_count(); ++id) {
    const Heap* heap = heap_of(OwnerId{id});
    if (heap != nullptr) stats->cached_bytes += heap->spare_bytes();
  }
  stats->depot_bytes = depots.held_bytes();
  const std::uint64_t idle = stats->cached_bytes + stats->depot_bytes;
  stats->small_in_use -= idle < stats->small_in_use ? idle : stats->small_in_use;
}

void count_pages(hak_stats* stats) {
  const RunUse runs = run_store.use();
  stats->mapped_bytes = runs.mapped_bytes;
  stats->free_run_bytes = runs.free_bytes;
  stats->dirty_bytes = runs.dirty_bytes;
  stats->purged_bytes = runs.purged_bytes;
  const HugeUse huge = huge_use();
  stats->huge_bytes = huge.bytes;
  stats->huge_blocks = huge.blocks;
  stats->process_cpu_s = static_cast<double>(os::process_cpu_ns()) * 1e-9;
  stats->release_s = static_cast<double>(release_cpu_ns.load_relaxed()) * 1e-9;
  stats->metadata_bytes = metadata_use().handed_out;
  stats->page_map_reserved_bytes = page_map.reserved_bytes();
  stats->resident_bytes = os::memory_use().resident;
}

std::uint64_t limit_or_none(std::size_t bytes) { return bytes == SIZE_MAX ? 0 : bytes; }

void count_limits(hak_stats* stats) {
  stats->committed_bytes = commitment.bytes();
  stats->limit_bytes = limit_or_none(commitment.limit());
  stats->soft_limit_bytes = commitment.has_limit() ? commitment.soft() : 0;
  stats->hard_limit_bytes = limit_or_none(commitment.hard());
  stats->stall_percent = commitment.stall_percent();
}

void count_heaps(hak_stats* stats) {
  const ParkedUse parked = parked_use();
  stats->parked_heaps = parked.heaps;
  stats->parked_bytes = parked.bytes;
  stats->background = background_runs() ? 1 : 0;
}

// The record is too long for the stack of a thread that happens to write it, and has one writer at
// a time.
constinit hak_stats for_the_file{};

void write_file() {
  if (hak_stats* file = begin_stats_update()) {
    gather_stats(&for_the_file);
    end_stats_update(file, for_the_file);
  }
}

[[gnu::destructor]] void write_file_at_exit() { write_file(); }

}  // namespace

void gather_stats(hak_stats* stats) {
  boot();
  *stats = hak_stats{};
  stats->magic = HAK_STATS_MAGIC;
  stats->version = HAK_STATS_VERSION;
  stats->size = sizeof *stats;
  stats->process_id = os::process_id();
  stats->monotonic_ms = os::now_ms();
  stats->live_heaps = live_heaps();
  stats->purge_delay_ms = settings.purge_delay_ms;
  stats->huge_pages = static_cast<std::uint32_t>(settings.huge_pages);
  stats->class_count = kClasses;
  for (std::size_t c = 0; c < kClasses; ++c) stats->classes[c].block_size = kClassSize[c];
  count_granules(stats);
  count_caches(stats);
  count_pages(stats);
  count_limits(stats);
  count_heaps(stats);
  count_idle_blocks(stats);
  count_knobs(stats);
}

void start_snapshots() {
  if (settings.stats_path == nullptr) return;
  open_stats_file(settings.stats_path);
  set_due_hook(write_file);
}

}  // namespace hakmem
