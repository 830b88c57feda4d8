// Slab: one run cut into blocks of one class, with its free slots in two bitmaps.
//
//   run     [block 0][block 1][block 2] ... [block n-1] tail      never written to by the allocator
//   record  | identity | state | summaries | local bits | shared bits |          (metadata)
//
//   attached   one heap may take slots from it, without a lock, through the local bits
//   listed     free slots, attached to nobody: in a shard's list, any heap may attach it
//   full       no free slots, attached to nobody, in no list: the first block that comes home
//              lists it, the last one releases it
//
// state = | live (bit 17) | attached (bit 16) | free slots (16) |. Everybody who brings slots home sets their bits
// first and adds their number to the state second. Only the heap that it is attached to takes slots, never more than the
// state says: bits first, number second.
//
// Invariants:
//   (1) free slots in state <= bits set in both bitmaps, as its heap sees them; equal when nobody is in between;
//   (2) local bits and the attached bit are written only by the heap it is attached to, or under
//       the shard's lock when it is attached to nobody;
//   (3) listed, bin and the list links are written under the lock of slab->shard;
//   (4) free = slots means that nobody holds a block of it: with the slab attached to nobody, who
//       sees that under the shard's lock may release the run;
//   (5) records are of lasting type: a late settle() of a released slab finds it without a shard, or a
//       new slab on which it does no harm.
//
// Above: slab_shard, thread, depot. Below: pages.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/list.hpp"
#include "config/size_classes.hpp"
#include "pages/run.hpp"
#include "slabs/bitmap.hpp"

namespace hakmem {

class SlabShard;

struct alignas(kCacheLine) Slab {
  Atomic<Slab*> next;  // in the pool of unused records

  // Identity: constant while live.
  std::byte* base = nullptr;
  Run* run = nullptr;
  ClassId size_class{0};

  // Under the shard's lock (3).
  bool listed = false;
  std::uint8_t bin = 0;
  Link<Slab> in_list;

  Slab* next_attached = nullptr;     // in the list of the heap it is attached to

  // Free slots, but none of its lines is free, when its heap last asked; such a one is the last in its list.
  bool has_no_line = false;

  // A heap other than the one before has taken slots from it while it had live blocks: lines may
  // be shared by two threads, so only whole lines are handed out. A shared slab (shared_slabs.hpp) gives the rest when
  // it has none.
  bool mixed = false;

  Atomic<SlabShard*> shard;          // whose lock and lists
  Atomic<const void*> attached_to;   // the heap, or nullptr; written by that heap
  OwnerId owner = kNoOwner;          // as in the page map

  std::uint64_t local_summary = 0;
  Atomic<std::uint32_t> state;
  Atomic<std::uint64_t> shared_summary;

  static constexpr std::uint32_t kAttached = 1U << 16;
  static constexpr std::uint32_t kLive = 1U << 17;
  static constexpr std::uint32_t free_of(std::uint32_t state_word) { return state_word & 0xffff; }

  const SlabShape& shape() const { return shape_of(size_class); }
  std::uint32_t free_slots() const { return free_of(state.load_acquire()); }  // pairs with add_free()

  unsigned slot_of(std::uintptr_t block) const {
    const std::uint64_t offset = block - reinterpret_cast<std::uintptr_t>(base);
    return static_cast<unsigned>(offset * shape().reciprocal >> 32);
  }
  std::uintptr_t block_at(unsigned slot) const {
    return reinterpret_cast<std::uintptr_t>(base) + slot * size_of(size_class);
  }

  // The bitmaps lie behind the record: local words, then shared words.
  std::uint64_t* local_words() { return reinterpret_cast<std::uint64_t*>(this + 1); }
  Atomic<std::uint64_t>* shared_words() {
    return reinterpret_cast<Atomic<std::uint64_t>*>(local_words() + shape().words);
  }
  LocalBitmap local() { return {&local_summary, local_words()}; }
  SharedBitmap shared() { return {&shared_summary, shared_words()}; }

  // Takes up to `n` free slots for the heap it is attached to and writes their blocks to `out`, so
  // that the lowest is last (magazines pop from the end). Returns how many.
  // Of a slab that is mixed whole lines alone.
  unsigned take(unsigned n, std::uintptr_t* out) { return take_groups(n, out, mixed ? shape().line_group : 1); }
  unsigned take_split_lines(unsigned n, std::uintptr_t* out) { return take_groups(n, out, 1); }
  unsigned take_groups(unsigned n, std::uintptr_t* out, unsigned group);

  // Brings slots home: bits of one word, and then their number. Returns the state before.
  void add_bits(unsigned word, std::uint64_t bits, bool own) {
    if (own) {
      local().add(word, bits);
    } else {
      shared().add(word, bits);
    }
  }
  std::uint32_t add_free(unsigned n) { return state.fetch_add_acq_rel(n); }
};

struct MadeSlab {
  Slab* slab;  // nullptr: no memory
  bool fresh;  // no page of it is resident, and none will be a huge one
};

// A new slab of this class in `node`'s memory, attached to `heap` and tagged with `owner`.
MadeSlab make_slab(ClassId size_class, OwnerId owner, SlabShard* shard, os::Node node, const void* heap);

// Gives the slab's run back. The caller knows that nobody holds a block and that it is unlisted.
void destroy_slab(Slab* slab);

// Rewrites the page map's tags of all its granules.
void retag_slab(Slab* slab, OwnerId owner);

}  // namespace hakmem
