// Depot: bundles of free blocks on their way between threads, one lock-free stack a class and place.
//
//   heap A --bundle--> depot[class] --bundle--> heap B        one locked operation each way
//
// Every place has a depot; what is in it lies in the memory of the place's node.
//
// Only classes whose blocks fill whole cache lines pass through: smaller ones would be split
// between threads line by line (false sharing), and go home to their slabs instead.
//
// Invariants:
//   (1) a depot's stack of a class holds at most depot_limit() bundles, but for those being pushed at once;
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

inline std::uint32_t depot_limit(ClassId c) {
  const std::size_t bytes = live_knobs.depot_bytes.load_relaxed();
  return static_cast<std::uint32_t>(clamp_size(bytes / (magazine_capacity(c) * size_of(c)), 1, 64));
}

class Depot {
 public:
  // False when the class does not pass through the depot or has no room: the bundle stays yours.
  bool offer(ClassId c, Magazine* bundle);

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
};

class Depots {
 public:
  Depot& operator[](os::Place place) { return depots_[index_of(place)]; }

  template <typename Home>
  void trim(bool all, Home home) {
    for (unsigned p = 0; p < os::places.places(); ++p) depots_[p].trim(all, home);
  }
  std::size_t held_bytes() const;

 private:
  Depot depots_[os::kMostPlaces];
};

extern Depots depots;

template <typename Home>
void Depot::trim(bool all, Home home) {
  for (Shelf& shelf : shelves_) {
    const bool used = shelf.used.load_relaxed();
    shelf.used.store_relaxed(false);
    if (used && !all) continue;
    while (Magazine* bundle = shelf.bundles.pop()) {
      shelf.blocks.fetch_sub_relaxed(bundle->count);
      home(bundle);
    }
  }
}

}  // namespace hakmem
