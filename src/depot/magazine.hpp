// Magazine: an array of free blocks of one class, between two guards.
//
//   | record | kEmpty  | b0 | b1 | b2 |  ...  | kFull |
//                        ^ slots()      ^ top   ^ slots() + capacity
//
// `top` (kept by whoever has the magazine loaded) points at the first unused slot:
//   top[-1] == kEmptyMark  empty: the load that fetches a block also tests it
//   top[0]  == kFullMark   full: the line that is about to be written also tells it
// Capacity is where kFullMark stands, so it can differ from class to class and costs the path nothing.
// Freed blocks themselves are never written to.
//
// On its way between threads a magazine is called a bundle: the same record changes hands.
//
// Two lengths exist: a short one for a class's first few blocks in a thread, and the usual one.
// Above: depot, thread. Below: metadata. A magazine belongs to one thread or one shared structure.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/units.hpp"
#include "config/knobs.hpp"
#include "config/size_classes.hpp"

namespace hakmem {

// A slot holds a block's address, or a guard.
using Slot = std::uintptr_t;
inline constexpr Slot kEmptyMark = 0;
inline constexpr Slot kFullMark = 1;

struct Magazine {
  Atomic<Magazine*> next;       // in a list, inbox or stack
  Magazine* chain = nullptr;    // further empty magazines that travel with this one
  Atomic<std::uint32_t> depth;  // of an inbox, from this magazine down (thread/heap.hpp)
  std::uint16_t capacity = 0;
  std::uint8_t count = 0;       // while not loaded
  bool is_short = false;

  Slot* slots() { return reinterpret_cast<Slot*>(this + 1) + 1; }

  void set_capacity(unsigned blocks) {
    slots()[capacity] = kEmptyMark;
    slots()[blocks] = kFullMark;
    capacity = static_cast<std::uint16_t>(blocks);
  }
};

inline constexpr std::size_t kShortBytes = 128;
inline constexpr std::size_t kUsualBytes = 1088;
constexpr unsigned slots_in(std::size_t bytes) {
  return static_cast<unsigned>((bytes - sizeof(Magazine)) / sizeof(Slot) - 2);
}
inline constexpr unsigned kShortSlots = slots_in(kShortBytes);
inline constexpr unsigned kUsualSlots = slots_in(kUsualBytes);
static_assert(kUsualSlots <= 255, "Magazine::count");

// How many blocks of a class one magazine holds.
constexpr unsigned magazine_capacity(ClassId c) {
  return static_cast<unsigned>(
      clamp_size(knobs::kMagazineBytes / size_of(c), knobs::kMinMagazine, kUsualSlots));
}

// The same of another heap's blocks, on their way out.
static_assert(knobs::kBundleBytes <= knobs::kMagazineBytes && knobs::kFirstFill <= knobs::kMinMagazine);
constexpr unsigned bundle_capacity(ClassId c) {
  return static_cast<unsigned>(clamp_size(knobs::kBundleBytes / size_of(c), knobs::kFirstFill, kUsualSlots));
}

// The same for a heap that shares slabs.
constexpr unsigned shared_capacity(ClassId c) {
  return static_cast<unsigned>(clamp_size(knobs::kSharedMagazineBytes / size_of(c), knobs::kMinSharedMagazine, kUsualSlots));
}

// An empty magazine; nullptr when there is no memory.
Magazine* make_short_magazine();
void recycle_short_magazine(Magazine* magazine);

// The empty ones wait in pools, one a place: a thread takes from and gives to the place where it runs.
// Usual magazines travel in chains, linked by `chain`, so that threads which fill them and threads
// which empty them pay one locked operation for several.
// `make`: how many to make when there is no chain to be had; nullptr: no memory for them.
Magazine* take_empty_chain(unsigned make);
void give_empty_chain(Magazine* first);

}  // namespace hakmem
