// Slab shard: the slabs with free slots that are attached to nobody, by class and fullness.
//
//   shard 0   class 0   [fullest quarter] <-> ...   [..]   [..]   [emptiest quarter] <-> ...
//             class 1   ...
//   shard 1   ...         16 a place: a heap's own is its place's, owner id modulo 16; shared slabs' by class
//
// A heap that needs slots attaches a slab: from its own shard the fullest first, then from other
// shards a roomy one, so that memory flows between threads but slabs in full
// use stay with the thread that uses them. It does not flow between nodes. Heaps that share take any.
//
// Invariants:
//   (1) listed slabs have free slots, are live, not attached, and slab->shard is this shard;
//   (2) roomy_ has a class's bit set when the shard has a roomy slab of it (roomy_from()), listed_ when it has any; they may
//       lag: they are hints.
//
// Above: thread. Below: slab. Any thread; one lock a shard (rank kShard).
#pragma once

#include "base/lock.hpp"
#include "os/place.hpp"
#include "pages/sharded.hpp"
#include "slabs/slab.hpp"

namespace hakmem {

class alignas(kCacheLine) SlabShard {
 public:
  static constexpr unsigned kBins = 4;

  constexpr SlabShard() = default;

  // Attaches a listed slab of this class to `heap`; nullptr when there is none.
  Slab* attach(ClassId c, OwnerId owner, SlabShard* to, const void* heap, bool roomy_only);

  // For a heap of this shard, one of that bin: the emptier, the more likely it has a whole line free.
  Slab* attach_of_bin(ClassId c, unsigned bin, OwnerId owner, const void* heap);

  // A glance, without the lock.
  bool may_have(ClassId c, bool roomy_only) const {
    return ((roomy_only ? roomy_ : listed_).load_relaxed() >> index_of(c) & 1) != 0;
  }

  // Puts the slab where its state says: in a list, in none, or back to the run store.
  friend void settle(Slab* slab);

  // Ends the attachment of a slab to its heap; to be called by that heap.
  friend void detach(Slab* slab);

  // For destroying a heap: releases the slab whatever blocks are in use.
  void destroy(Slab* slab);

  bool lock_is_mine() const { return lock_.is_mine(); }
  bool lock_for_fork(bool patient) { return lock_.lock_for_fork(patient); }
  void unlock_after_fork(bool in_child) { lock_.unlock_after_fork(in_child); }

 private:
  // From half empty on; a class whose blocks share lines from three quarters on, for another heap may use its whole lines alone.
  static constexpr unsigned roomy_from(ClassId c) { return shape_of(c).line_group == 1 ? kBins / 2 : kBins - 1; }

  using SlabList = List<Slab, &Slab::in_list>;

  Slab* attach_locked(Slab* slab, OwnerId owner, SlabShard* to, const void* heap) HAK_REQUIRES(lock_);
  void list_locked(Slab* slab, unsigned bin) HAK_REQUIRES(lock_);
  void unlist_locked(Slab* slab) HAK_REQUIRES(lock_);
  void update_hint_locked(ClassId c) HAK_REQUIRES(lock_);
  bool settle_locked(Slab* slab) HAK_REQUIRES(lock_);
  void bury_locked(Slab* slab) HAK_REQUIRES(lock_);

  Lock lock_{LockRank::kShard};
  Atomic<std::uint64_t> roomy_{0};   // written under the lock
  Atomic<std::uint64_t> listed_{0};  // written under the lock
  SlabList lists_[kClasses][kBins] HAK_GUARDED_BY(lock_);
};

static_assert(kClasses <= 64, "hints have one bit a class");

void settle(Slab* slab);
void detach(Slab* slab);

inline constexpr unsigned kShardsPerPlace = 16;

// All of them.
class SlabShards {
 public:
  SlabShard* of(os::Place place, OwnerId owner) {
    return shard_of(place, static_cast<std::uint32_t>(owner));
  }

  // For those that heaps share.
  SlabShard* of_class(os::Place place, ClassId c) { return shard_of(place, index_of(c)); }

  // For those of other heaps: the first of this place that may have such a slab and gives it.
  Slab* attach_at(os::Place place, ClassId c, OwnerId owner, SlabShard* to, const void* heap, bool roomy_only);

  // A roomy one, from a few more places of the node; `turn` says which.
  Slab* attach_elsewhere(os::Place place, ClassId c, OwnerId owner, SlabShard* to, const void* heap, std::uint32_t turn);

  // When the topology is known. False: no memory.
  bool make(unsigned places) { return places_.make(places); }

  template <typename Visit>
  void for_each(Visit visit) {
    places_.for_each([&visit](PlaceShards& place) {
      for (SlabShard& shard : place.shards) visit(shard);
    });
  }

 private:
  struct PlaceShards {
    SlabShard shards[kShardsPerPlace];
  };
  SlabShard* shard_of(os::Place place, std::size_t n) { return &places_[index_of(place)].shards[n % kShardsPerPlace]; }

  Sharded<PlaceShards, os::kMostPlaces> places_;
};

extern SlabShards slab_shards;

// Which bin a slab with `free` of `slots` slots free belongs to: 0 is the fullest quarter.
constexpr unsigned fullness_bin(std::uint32_t free, std::uint32_t slots) {
  const std::uint32_t quarters =
      free * 4;  // compared, not divided: this runs for most blocks that go home
  return unsigned{quarters >= slots} + unsigned{quarters >= 2 * slots} +
         unsigned{quarters >= 3 * slots};
}

// Brings blocks home to their slabs, whoever owns them. `heap` is the calling heap, whose attached
// slabs take them without a locked operation.
void return_blocks(const void* heap, const std::uintptr_t* blocks, unsigned n);

}  // namespace hakmem
