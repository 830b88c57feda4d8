// Depot: bundles of free blocks on their way between threads, one lock-free stack a class and place.
//
//   heap A --bundle--> depot[class] --bundle--> heap B        one locked operation each way
//
// Every place has a depot; what is in it lies in the memory of the place's node. Heaps that share slabs (sharing.cpp) have
// one a processor, where what has just been freed is in that processor's cache.
//
// Between heaps with slabs of their own only classes whose blocks fill whole cache lines pass: smaller ones would be split
// between threads line by line (false sharing), and go home to their slabs instead.
//
// Invariants:
//   (1) a depot's stack of a class holds at most depot_limit() blocks, but for those being pushed at once;
//   (2) a class not taken from for knobs::kFlushMs sends its bundles home (trim()).
//
// Above: thread. Below: slabs. Any thread.
#pragma once

#include "base/tagged_stack.hpp"
#include "config/live_knobs.hpp"
#include "depot/magazine.hpp"
#include "os/place.hpp"

namespace hakmem {

constexpr bool fills_whole_lines(ClassId c) { return shape_of(c).line_group == 1; }

// Blocks, where bundles have `longest` of them; `times`: how many times the usual bytes.
inline std::uint32_t depot_limit(ClassId c, std::size_t longest, unsigned times = 1) {
  return static_cast<std::uint32_t>(clamp_size(times * live_knobs.depot_bytes.load_relaxed() / size_of(c), longest, 64 * kUsualSlots));
}

class Depot {
 public:
  // False when there is no room, or would be none in `times` the usual bytes: the bundle stays yours.
  bool offer(ClassId c, Magazine* bundle, unsigned times = 1);

  // A glance: nothing is taken.
  bool has_stock() const { return has_stock_.load_relaxed(); }

  // A glance: nothing is taken.
  bool may_have(ClassId c) const { return !shelves_[index_of(c)].bundles.empty(); }

  // A bundle with blocks, or nullptr.
  Magazine* take(ClassId c);

  // Empties the stacks that have not been taken from since the last trim; `all`: every one.
  // Calls home(bundle) for each bundle.
  template <typename Home>
  void trim(bool all, Home home);

  std::size_t held_bytes() const;

 private:
  struct alignas(kCacheLine) Shelf {
    TaggedStack<Magazine> bundles;
    Atomic<std::uint32_t> blocks;  // in all bundles
    Atomic<bool> used;  // since the last trim
  };
  Shelf shelves_[kClasses];
  Atomic<bool> has_stock_;  // false: empty, but for a bundle being pushed
};

class Depots {
 public:
  Depot& operator[](os::Place place) { return of_place_[index_of(place)]; }

  // Of heaps that share slabs. Processors whose numbers are 8 apart have one together: those of a place, or of several while few
  // heaps use few places.
  Depot& of_cpu(os::Place place, unsigned cpu) { return of_cpu_[index_of(place)][cpu % os::kCpusPerPlace]; }

  template <typename Home>
  void trim(bool all, Home home) {
    for_each([all, home](Depot& depot) { depot.trim(all, home); });
  }
  bool has_stock();
  std::size_t held_bytes();

 private:
  // Those that may have something.
  template <typename Visit>
  void for_each(Visit visit) {
    for (unsigned p = 0; p < os::places.places(); ++p) {
      if (of_place_[p].has_stock()) visit(of_place_[p]);
      for (Depot& depot : of_cpu_[p]) {
        if (depot.has_stock()) visit(depot);
      }
    }
  }

  Depot of_place_[os::kMostPlaces];
  Depot of_cpu_[os::kMostPlaces][os::kCpusPerPlace];
};

extern Depots depots;

template <typename Home>
void Depot::trim(bool all, Home home) {
  has_stock_.exchange_acq_rel(false);  // before the looks below: what is offered behind them says so again
  for (Shelf& shelf : shelves_) {
    const bool used = shelf.used.load_relaxed();
    shelf.used.store_relaxed(false);
    if (used && !all) {
      if (!shelf.bundles.empty()) has_stock_.store_relaxed(true);
      continue;
    }
    while (Magazine* bundle = shelf.bundles.pop()) {
      shelf.blocks.fetch_sub_relaxed(bundle->count);
      home(bundle);
    }
  }
}

}  // namespace hakmem
