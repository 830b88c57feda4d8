// Run store: all granules of one node of memory, as runs that split and coalesce.
//
//   regions   mapped from the system in pieces that are multiples of 2 MiB and start on one
//   bins      free runs by length: one bin a length up to 32 granules, then four a doubling
//   age       free runs with dirty granules, oldest first: what purging takes
//
//   | free, clean | slab | slab | free: clean+dirty granules | large ........ | free, clean |
//
// Every granule of a free run is tagged kFreeClean (reads zero, not resident) or kFreeDirty. A run
// in use counts as dirty when it comes back, unless its holder says otherwise.
//
// Placement: dirty granules first, since their pages are there (find_dirty.cpp); then what the layers
// above have idle; then best fit by length, among equals a dirty run before a clean one, then the
// lowest address, so that the heap's top empties and huge pages fill and empty whole. (Taking the one in
// the fullest 2 MiB unit instead left what is in use spread over more units; decision 16.)
//
// Invariants (check_invariants()):
//   (1) no two free runs are neighbours;
//   (2) a free run's first and last granule have it as details;
//   (3) run.dirty is the number of its kFreeDirty granules, and in_age holds it iff dirty > 0;
//   (4) the sums of free and dirty granules are free_ and dirty_;
//   (5) granules in use and dirty ones are counted in `commitment`, others are not.
//
// With several nodes each has a store of its own, whose regions the kernel is asked to back with that
// node's memory; a run says which (run.node) and goes back there. `run_store` is all of them.
//
// Above: slabs, large. Below: page map, metadata, os. Any thread; two locks a node. The one (rank kRuns) is
// never held during a system call that releases pages (but what was never used of a unit that leaves its huge page), or makes some; the other (kGrowth) is held by who gets a
// new region, without the first until it is entered: others go on with what is free.
#pragma once

#include <cstdint>

#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/units.hpp"
#include "config/knobs.hpp"
#include "os/place.hpp"
#include "pages/region.hpp"
#include "pages/release_budget.hpp"
#include "pages/run.hpp"
#include "pages/sharded.hpp"

namespace hakmem {

class DiscardList;

struct RunUse {
  std::size_t mapped_bytes;    // address space in regions
  std::size_t free_bytes;      // of it, in free runs
  std::size_t dirty_bytes;     // of that, possibly resident
  std::uint64_t purged_bytes;  // returned to the kernel so far

  std::size_t in_use_bytes() const { return mapped_bytes - free_bytes; }
};

// Units are 2 MiB of a region that may be backed by huge pages.
struct UnitUse {
  std::size_t wanted_bytes;  // those of regions that have asked
  std::uint64_t full;        // every granule in use
  std::uint64_t part;        // some granules in use
  std::size_t waste_bytes;   // free granules in those
  std::size_t collapsed_bytes;  // put on huge pages afterwards, so far
};

// What is known when a run is the first in a unit. The last three only in a region that has not asked for huge pages.
struct UnitBegun {
  bool region_has_asked;
  std::uint64_t huge_units;    // that are on huge pages by themselves already
  std::uint64_t unseen_units;  // of those, begun since the last one went on small pages
  double touched_share;        // of the last units that went on small pages: what of their used pages is resident, 0 to 1
};

// Who decides what has huge pages: a new region of a heap of some size, called by one thread at a time under the
// growth lock, and a unit, called by any without a lock of the store's.
struct HugeChoice {
  // Given the share of the heap's small pages in use that are resident.
  bool (*asks)(double touched_share);
  bool (*asks_for_unit)(const UnitBegun& begun);
  // Given a unit all zero that has been allowed a huge page, or has not: touches its first page. Whether it has one.
  bool (*touches_unit)(std::byte* start, bool huge);
  // After each allocated run, without a lock of rank kCollapse or above.
  void (*afterwards)();
};

// What is known of what the program will do with a run.
enum class WillTouch : std::uint8_t { kAll, kUnknown };

struct AllocatedRun {
  Run* run;          // nullptr: no memory
  bool zeroed;       // every byte reads zero
  bool fresh;        // no page of it is resident, and none will be a huge one
  bool begins_unit;  // the last unit that it lies in: nobody had used any of that, and it was asked about
  bool begun_huge;   // and has a huge page
};

class RunStore {
 public:
  // A run of `count` granules whose first is a multiple of `alignment` granules (a power of two).
  // Its granules are tagged kBusy until the caller says what they are.
  AllocatedRun allocate(Granules count, Granules alignment, WillTouch will = WillTouch::kAll) {
    AllocatedRun allocated = allocate_somewhere(count, alignment);
    if (allocated.begins_unit) begin_unit(&allocated, will);
    if (huge_choice_ != nullptr) huge_choice_->afterwards();
    return allocated;
  }

  // Who is asked to release idle blocks of about so many bytes before clean pages are used: false when
  // there are none. Called without a lock of rank kLarge or above. Once, at boot.
  void set_lender(bool (*lend)(std::size_t bytes, os::Node node)) { lend_ = lend; }

  // `clean`: every page of it is known to read zero and not to be resident. (An end of it that shares a
  // huge page with others counts as dirty nevertheless: purging looks at that page as a whole.)
  void release(Run* run, bool clean = false);

  // Makes the run longer by taking the start of a free right neighbour. False: no room there.
  // The new granules are tagged `tag`.
  bool extend(Run* run, Granules count, Tag tag);

  // Gives the run's tail back.
  void shrink(Run* run, Granules count);

  // Returns to the kernel what has been free since before `now_ms` - delay; `all`: everything.
  void purge(std::uint64_t now_ms, bool all);

  // Returns address space too: that of units which are free and clean (unmap.cpp). False: there was none.
  bool unmap_free();

  RunUse use();
  UnitUse unit_use();

  // Whether some of its memory may lie on huge pages.
  bool has_huge_pages() const { return any_huge_.load_relaxed(); }

  // Puts whole units that are the caller's, and not resident, on huge pages, or on small ones again. False: they stay as they are.
  bool set_units(Granule first, Granules count, bool huge);

  // Collapses the next full unit of small pages that is resident, if it finds one soon (collapse.cpp). False:
  // there is none any more, until it looks again from the start.
  bool collapse_next();
  void look_for_dense_again();

  // Once, at boot.
  void set_huge_choice(const HugeChoice* choice) { huge_choice_ = choice; }
  std::size_t mapped_bytes() const { return mapped_.load_relaxed() * kGranuleBytes; }

  // Time that getting regions has taken so far.
  std::uint64_t growth_ns() const { return growth_ns_.load_relaxed(); }
  std::size_t dirty_bytes() const { return dirty_.load_relaxed() * kGranuleBytes; }

  bool check_invariants();

  // Calls visit(granule, tag) for every granule of every region, under the lock: for reports and
  // for destroying a heap. `visit` must not come back here.
  template <typename Visit>
  void for_each_granule(Visit visit);

  bool lock_is_mine() const { return lock_.is_mine(); }
  bool growth_lock_is_mine() const { return growth_lock_.is_mine(); }
  bool lock_for_fork(bool patient) { return growth_lock_.lock_for_fork(patient) && lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) {
    lock_.unlock_after_fork(in_child);
    growth_lock_.unlock_after_fork(in_child);
  }

  // Before anything is allocated: whose memory this store has.
  void serve(os::Node node) { node_ = node; }

 private:
  static constexpr std::uint64_t kExactBins = 32;
  static constexpr unsigned kBins = 160;
  static constexpr unsigned kMaxRegions = 4096;
  static constexpr std::uint64_t kDirtyFirstFrom = 8;  // granules: a quarter of a huge page

  using BinList = List<Run, &Run::in_bin>;
  using AgeList = List<Run, &Run::in_age>;

  static unsigned bin_of(Granules count);

  struct Place {
    Run* run = nullptr;
    Granule start{0};
  };

  struct Span {
    Granule first{0};
    Granules count{0};
  };

  // Address space with its pages settled, in no list yet. run == nullptr: no memory.
  struct NewRegion {
    Run* run;
    bool huge;
  };

  bool idle_lies_behind(const Run* run, Granules wanted);
  bool extend_committing(std::size_t at_most, Run* run, Granules count, Tag tag);
  // Whether dirty granules come first in regions with huge pages too.
  static bool dirty_comes_first_everywhere(Granules count) { return count_of(count) >= kDirtyFirstFrom; }
  bool borrow(Granules count);
  AllocatedRun allocate_somewhere(Granules count, Granules alignment);
  AllocatedRun allocate_dirty(Granules count, Granules alignment);
  Place find_dirty_locked(Granules count, Granules alignment) HAK_REQUIRES(lock_);
  static Place dirty_place_in(Run* run, Granules count, Granules alignment);
  AllocatedRun cut_locked(Place place, Granules count, std::size_t growth) HAK_REQUIRES(lock_);
  AllocatedRun allocate_below(std::size_t ceiling, Granules count, Granules alignment);
  AllocatedRun allocate_free(std::size_t ceiling, Granules count, Granules alignment);
  AllocatedRun allocate_free_locked(std::size_t ceiling, Granules count, Granules alignment) HAK_REQUIRES(lock_);
  Run* find_locked(Granules count, Granules alignment) HAK_REQUIRES(lock_);
  Run* best_in_bin_locked(unsigned bin, Granules count, Granules alignment) HAK_REQUIRES(lock_);
  NewRegion make_region_by_policy(Granules count, Granules alignment) HAK_REQUIRES(growth_lock_);
  NewRegion make_region_timed(Granules count, Granules alignment) HAK_REQUIRES(growth_lock_);
  NewRegion make_region(std::size_t bytes) HAK_REQUIRES(growth_lock_);
  bool has_room_for_regions();
  void enter_region_locked(const NewRegion& made) HAK_REQUIRES(growth_lock_, lock_);
  void note_region_locked(Granule first, Granules count, bool huge) HAK_REQUIRES(growth_lock_, lock_);
  bool may_unmap_locked(Granule unit, const Region& region) HAK_REQUIRES(lock_);
  Span whole_units_locked(const Run* run) HAK_REQUIRES(lock_);
  bool has_room_to_cut_locked(Span span) HAK_REQUIRES(lock_);
  void cut_region_locked(Span span) HAK_REQUIRES(growth_lock_, lock_);
  void cut_free_locked(Run* run, Span span, Run** spare) HAK_REQUIRES(lock_);
  Span unmap_next_locked(Run** spare) HAK_REQUIRES(growth_lock_, lock_);
  double touched_share() HAK_REQUIRES(growth_lock_);
  bool asks_by_bill() const;
  bool wants_huge() HAK_REQUIRES(growth_lock_);
  bool get_huge_pages(std::byte* start, std::size_t bytes) HAK_REQUIRES(growth_lock_);
  void discard_clean_locked(Granule from, Granule end) HAK_REQUIRES(lock_);
  void end_collapse(Granule unit);
  bool begin_collapse_locked(Granule unit) HAK_REQUIRES(lock_);
  Region* region_of_locked(Granule g) HAK_REQUIRES(lock_);
  bool has_asked_locked(Granule g) HAK_REQUIRES(lock_);
  bool is_huge_at_locked(Granule g) HAK_REQUIRES(lock_);
  bool set_unit_locked(Region* region, Granule first, bool huge) HAK_REQUIRES(lock_);
  bool mark_unit_locked(Region* region, Granule first, bool huge) HAK_REQUIRES(lock_);
  void reset_units_locked(const Run* run) HAK_REQUIRES(lock_);
  bool set_unit(Granule first, bool huge);
  bool is_huge_at(Granule g);
  bool next_full_unit_locked(Granule* unit, bool* more) HAK_REQUIRES(lock_);
  bool asks_for_units() const;
  bool begins_unit_locked(const Run* run, const Run* behind) HAK_REQUIRES(lock_);
  void leave_small_locked(Granule from, Granule end, Granule free_end) HAK_REQUIRES(lock_);
  void begin_unit(AllocatedRun* allocated, WillTouch will);
  bool get_unit_by_cost(Granule unit, WillTouch will);
  bool get_huge_unit(const Run* run, Granule unit);
  bool leaves_room_for_splits_locked() HAK_REQUIRES(lock_);
  bool look_at_seen_units(const Run* run, UnitBegun* begun);
  void leave_unit_small(Granule unit);
  std::uint64_t used_pages_of_locked(Granule unit, const Run* begun) HAK_REQUIRES(lock_);
  void count_rest_locked(Granule from, Granule end) HAK_REQUIRES(lock_);
  void settle_unit_locked(Run* run, Granule unit) HAK_REQUIRES(lock_);
  void settle_units_locked(Run* run) HAK_REQUIRES(lock_);
  std::uint64_t mark_shared_ends_locked(const Run* run) HAK_REQUIRES(lock_);
  bool is_part_of_huge_locked(const Run* run) HAK_REQUIRES(lock_);
  bool is_old_locked(const Run* run, std::uint64_t now_ms) HAK_REQUIRES(lock_);

  void insert_locked(Run* run) HAK_REQUIRES(lock_);
  void remove_locked(Run* run) HAK_REQUIRES(lock_);
  void add_free_locked(Run* run) HAK_REQUIRES(lock_);
  Run* free_neighbour_locked(Granule g) HAK_REQUIRES(lock_);
  bool is_here_locked(Granule g) HAK_REQUIRES(lock_);
  Run* split_locked(Run* run, Granules count) HAK_REQUIRES(lock_);

  // The nodes share what may be dirty in the process.
  static std::size_t dirty_limit() { return knobs::kDirtyLimit / os::places.nodes(); }
  static std::uint64_t delay_ms() { return settings.purge_delay_ms + release_budget.wait_ms(); }
  bool is_too_dirty() const { return dirty_bytes() > dirty_limit(); }
  unsigned collect_old_locked(std::uint64_t now_ms, bool all, Run** batch) HAK_REQUIRES(lock_);
  static void mark_purging(Run* run);
  static void unmark_purging(Run* run);
  static void list_dirty(const Run* run, DiscardList* list, std::uint64_t* gone);
  static std::uint64_t discard(DiscardList* list);
  static std::uint64_t discard_batch(Run** batch, unsigned n, std::uint64_t now_ms);

  static constexpr unsigned kPurgeBatch = 32;

  bool (*lend_)(std::size_t bytes, os::Node node) = nullptr;
  os::Node node_{0};
  Lock growth_lock_{LockRank::kGrowth};
  Lock lock_{LockRank::kRuns};
  BinList bins_[kBins] HAK_GUARDED_BY(lock_);
  std::uint64_t bin_bits_[(kBins + 63) / 64] HAK_GUARDED_BY(lock_) = {};
  AgeList age_ HAK_GUARDED_BY(lock_);
  std::uint64_t free_ HAK_GUARDED_BY(lock_) = 0;
  Atomic<std::uint64_t> dirty_{0};   // written under the lock
  Atomic<std::uint64_t> mapped_{0};  // written under the lock
  Atomic<std::uint64_t> growth_ns_{0};  // written under the growth lock
  Atomic<std::uint64_t> purged_{0};
  Atomic<std::uint64_t> oldest_ms_{0};  // no dirty run is older; set by purge(), so it may lag
  // Where regions lie and what they ask for is written under both locks, so that either does for reading it.
  Region regions_[kMaxRegions] HAK_GUARDED_BY(lock_) = {};
  unsigned region_count_ HAK_GUARDED_BY(lock_) = 0;
  unsigned odd_units_ HAK_GUARDED_BY(lock_) = 0;    // units whose advice differs from their region's
  unsigned alone_units_ HAK_GUARDED_BY(lock_) = 0;  // of those, on huge pages in a region that has not asked
  Atomic<bool> any_huge_{false};         // of the units
  Atomic<bool> any_huge_region_{false};  // of the regions
  // Units that runs have begun on small pages: the last ones.
  static constexpr unsigned kSeenUnits = 2;
  Granule units_seen_[kSeenUnits] HAK_GUARDED_BY(lock_) = {};
  unsigned unseen_units_ HAK_GUARDED_BY(lock_) = 0;  // that have begun on huge pages since
  unsigned collapse_region_ HAK_GUARDED_BY(lock_) = 0;        // where collapse_next() goes on
  std::uint64_t collapse_granule_ HAK_GUARDED_BY(lock_) = 0;  // in it
  // Units at which threads are: none of them is unmapped meanwhile. Granule{0}: room for one more.
  static constexpr unsigned kCollapsers = 4;
  Granule being_collapsed_[kCollapsers] HAK_GUARDED_BY(lock_) = {};
  Atomic<std::uint64_t> collapsed_{0};                        // units
  const HugeChoice* huge_choice_ = nullptr;  // written at boot
};

// The stores of all nodes. What names no node is for, or of, the calling thread's.
class RunStores {
 public:
  // From another node when this one's has no more.
  AllocatedRun allocate(Granules count, Granules alignment = Granules{1}, WillTouch will = WillTouch::kAll) {
    return allocate_on(os::places.current_node(), count, alignment, will);
  }
  AllocatedRun allocate_on(os::Node node, Granules count, Granules alignment = Granules{1}, WillTouch will = WillTouch::kAll) {
    const AllocatedRun allocated = of(node).allocate(count, alignment, will);
    if (HAK_LIKELY(allocated.run != nullptr) || stores_.count() == 1) return allocated;
    return allocate_anywhere(count, alignment, will);
  }
  void release(Run* run, bool clean = false) { of(run->node).release(run, clean); }
  bool extend(Run* run, Granules count, Tag tag) { return of(run->node).extend(run, count, tag); }
  void shrink(Run* run, Granules count) { of(run->node).shrink(run, count); }
  bool set_units(const Run* run, Granule first, Granules count, bool huge) { return of(run->node).set_units(first, count, huge); }

  // Before anything is allocated. False: no memory.
  bool make(unsigned nodes);

  void set_lender(bool (*lend)(std::size_t bytes, os::Node node)) {
    stores_.for_each([lend](RunStore& store) { store.set_lender(lend); });
  }

  void set_huge_choice(const HugeChoice* choice) {
    stores_.for_each([choice](RunStore& store) { store.set_huge_choice(choice); });
  }

  void purge(std::uint64_t now_ms, bool all);
  bool unmap_free();
  RunUse use();
  UnitUse unit_use();
  bool has_huge_pages();
  bool collapse_next();
  void look_for_dense_again();
  std::size_t mapped_bytes();
  std::uint64_t growth_ns();
  std::size_t dirty_bytes();
  bool check_invariants();
  template <typename Visit>
  void for_each_granule(Visit visit) {
    stores_.for_each([&visit](RunStore& store) { store.for_each_granule(visit); });
  }

  bool lock_is_mine();
  bool growth_lock_is_mine();
  bool lock_for_fork(bool patient);
  void unlock_after_fork(bool in_child);

 private:
  RunStore& of(os::Node node) { return stores_[os::index_of(node)]; }
  AllocatedRun allocate_anywhere(Granules count, Granules alignment, WillTouch will);

  Sharded<RunStore, os::kMostNodes> stores_;
};

extern RunStores run_store;

// Whether new memory of a heap of `heap_bytes` should have huge pages, by HAKMEM_THP and size alone
// (docs/decisions/0004-huge-pages.md).
bool wants_huge_pages(std::size_t heap_bytes);

// Whether there are any for who asks, and for who does not.
bool system_has_huge_pages();
bool system_gives_huge_pages();

// Granules of the unit that are not free; as of now under the lock.
std::uint64_t used_in_unit(Granule first);

// Whether nearly all of the 2 MiB at `start` are resident. A system call.
bool is_dense(const std::byte* start);

// Whether memory that choose_huge_pages() is asked for may be backed by some.
bool may_have_huge_pages(std::size_t heap_bytes);

// Asks for them by wants_huge_pages(), or against them where they would come unasked.
void choose_huge_pages(std::byte* start, std::size_t bytes, std::size_t heap_bytes);

template <typename Visit>
void RunStore::for_each_granule(Visit visit) {
  const LockGuard guard(lock_);
  for (unsigned i = 0; i < region_count_; ++i) {
    const Region& region = regions_[i];
    for (std::uint64_t k = 0; k < count_of(region.count); ++k) {
      const Granule g = region.first + k;
      visit(g, page_map.published_tag_of(g));
    }
  }
}

}  // namespace hakmem
