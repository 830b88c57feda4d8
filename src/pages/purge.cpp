// Purge: free runs whose delay is over go back to the kernel, in batches.
//
// A batch is taken out of the store under the lock, its pages are returned without it, and it comes
// back clean: nobody waits for the kernel, and no page is returned while somebody allocates it.
#include "base/check.hpp"
#include "config/knobs.hpp"
#include "pages/commitment.hpp"
#include "pages/discard_list.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

unsigned RunStore::collect_old_locked(std::uint64_t now_ms, bool all, Run** batch) {
  // Purging over the limit goes a quarter below it, so that the next free does not purge again.
  const bool over = is_too_dirty();
  const std::uint64_t target = dirty_limit() / 4 * 3 / kGranuleBytes;
  unsigned n = 0;
  for (Run* run = age_.front(); run != nullptr && n < kPurgeBatch;) {
    Run* const younger = AgeList::next(run);
    const bool too_many = over && dirty_.load_relaxed() > target;
    const bool may_be_old = run->freed_at_ms + delay_ms() <= now_ms;
    if (!all && !too_many && !may_be_old) break;
    if (all || too_many || is_old_locked(run, now_ms)) {
      age_.remove(run);
      remove_locked(run);
      settle_units_locked(run);
      batch[n++] = run;
    }
    run = younger;
  }
  return n;
}

// The run leaves its lists, so its granules must not look free to a neighbour that is released
// meanwhile: dirty ones become kPurging, clean ones kBusy.
void RunStore::mark_purging(Run* run) {
  for (std::uint64_t i = 0; i < count_of(run->count); ++i) {
    const bool dirty = page_map.tag_of(run->first + i) == tag_for(Kind::kFreeDirty);
    page_map.set_tags(run->first + i, Granules{1}, tag_for(dirty ? Kind::kPurging : Kind::kBusy));
  }
}

// Adds each stretch of dirty granules to the list; what is discarded on the way is counted.
void RunStore::list_dirty(const Run* run, DiscardList* list, std::uint64_t* gone) {
  const Granule end = run->first + run->count;
  for (Granule g = run->first; g != end;) {
    Granule stop = g;
    while (stop != end && page_map.tag_of(stop) == tag_for(Kind::kPurging)) stop = stop + 1;
    if (stop == g) {
      g = g + 1;
      continue;
    }
    if (list->full()) *gone += discard(list);
    list->add(g, stop - g);
    g = stop;
  }
}

// Returns the granules that went; they are tagged so.
std::uint64_t RunStore::discard(DiscardList* list) {
  std::uint64_t gone = 0;
  list->discard([&gone](Granule first, Granules count, bool ok) {
    if (!ok) return;
    gone += count_of(count);
    page_map.set_tags(first, count, tag_for(Kind::kBusy));
  });
  return gone;
}

std::uint64_t RunStore::discard_batch(Run** batch, unsigned n, std::uint64_t now_ms) {
  if (n == 0) return 0;
  const ReleaseTimer timer;
  DiscardList list;
  std::uint64_t gone = 0;
  for (unsigned i = 0; i < n; ++i) list_dirty(batch[i], &list, &gone);
  gone += discard(&list);
  for (unsigned i = 0; i < n; ++i) {
    batch[i]->dirty = count_tagged(batch[i]->first, batch[i]->count, Kind::kPurging);
    batch[i]->freed_at_ms = now_ms;  // what the kernel refused (locked pages) is not asked for again at once
  }
  return gone;
}

void RunStore::purge(std::uint64_t now_ms, bool all) {
  const bool over = is_too_dirty();
  if (!all && !over && now_ms < oldest_ms_.load_relaxed() + delay_ms()) return;
  for (;;) {
    Run* batch[kPurgeBatch];
    unsigned n = 0;
    {
      const LockGuard guard(lock_);
      n = collect_old_locked(now_ms, all, batch);
      for (unsigned i = 0; i < n; ++i) mark_purging(batch[i]);
    }
    const std::uint64_t gone = discard_batch(batch, n, now_ms);
    purged_.fetch_add_relaxed(gone * kGranuleBytes);
    commitment.drop(gone * kGranuleBytes);
    const LockGuard guard(lock_);
    for (unsigned i = 0; i < n; ++i) {
      unmark_purging(batch[i]);
      add_free_locked(batch[i]);
    }
    const Run* oldest = age_.front();
    oldest_ms_.store_relaxed(oldest == nullptr ? now_ms : oldest->freed_at_ms);
    if (gone == 0) return;
  }
}

void RunStore::unmark_purging(Run* run) {
  for (std::uint64_t i = 0; i < count_of(run->count); ++i) {
    const bool dirty = page_map.tag_of(run->first + i) == tag_for(Kind::kPurging);
    page_map.set_tags(run->first + i, Granules{1}, tag_for(dirty ? Kind::kFreeDirty : Kind::kFreeClean));
  }
}

}  // namespace hakmem
