#include "large/give_back.hpp"

#include "large/huge.hpp"
#include "os/memory.hpp"
#include "pages/discard_list.hpp"
#include "pages/release_time.hpp"
#include "pages/run_store.hpp"

namespace hakmem {

namespace {

void sort_by_address(Run** runs, unsigned count) {
  for (unsigned i = 1; i < count; ++i) {
    Run* const run = runs[i];
    unsigned to = i;
    for (; to != 0 && index_of(runs[to - 1]->first) > index_of(run->first); --to)
      runs[to] = runs[to - 1];
    runs[to] = run;
  }
}

// Unmaps the huge ones; the others move up. Returns their number.
unsigned unmap_huge_of(Run** runs, unsigned count) {
  unsigned left = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (runs[i]->is_huge())
      unmap_huge(runs[i]);
    else
      runs[left++] = runs[i];
  }
  return left;
}

}  // namespace

void give_back(Run* run) {
  const ReleaseTimer timer;
  if (run->is_huge()) return unmap_huge(run);
  const bool clean = os::memory.discard(run->start(), run->bytes());
  run_store.release(run, clean);
}

void give_back_all(Run** runs, unsigned count) {
  if (count == 0) return;
  const ReleaseTimer timer;
  count = unmap_huge_of(runs, count);
  sort_by_address(runs, count);
  DiscardList list;
  for (unsigned i = 0; i < count; ++i) list.add(runs[i]->first, runs[i]->count);
  unsigned next = 0;
  list.discard([&](Granule first, Granules length, bool clean) {
    const std::uint64_t end = index_of(first + length);
    while (next < count && index_of(runs[next]->first) < end)
      run_store.release(runs[next++], clean);
  });
}

void coalesce(Run* run) {
  if (run->is_huge()) return give_back(run);
  run_store.release(run);
}

}  // namespace hakmem
