// Cache: all that a warm malloc or free touches of a thread: its tag, and one pointer a class.
//
//   thread_cache   | top[0] | top[1] | ... | heap | outgoing | tag |        376 bytes of static TLS
//
// A class without a magazine points at a constant boundary where it is both empty (the mark before
// it) and full (the mark on it), so the first malloc and the first free take the slow path, and
// nothing tests for initialisation.
//
// Above: hot. Below: depot. The thread itself; for a user's heap, the holder of its lock.
#pragma once

#include "depot/magazine.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

class Heap;

inline constinit Slot boundary[2] = {kEmptyMark, kFullMark};

// A bundle that is being filled with another heap's blocks: one tag, so one owner and class. The key
// is that tag XOR the filling heap's own, which is what free() has at hand; 0 is none's. Others may take
// blocks out, from the bottom up, while the thread sleeps (idle_bundles.hpp); the key is 0 from then on.
struct Outgoing {
  Atomic<Slot*> top{&boundary[1]};
  Atomic<std::uint32_t> key{0};

  void set(Slot* first_unused, std::uint32_t new_key) {
    top.store_relaxed(first_unused);
    key.store_relaxed(new_key);
  }

  // Release: the block, for who empties the bundle (acquire in Heap::empty_outgoing()).
  void push(Slot* at, void* block) {
    *at = reinterpret_cast<Slot>(block);
    top.store_release(at + 1);
  }
};

// Bundles are found by a hash of their key; two keys of one slot take turns.
inline constexpr unsigned kOutgoingBits = 6;
inline constexpr unsigned kOutgoingSlots = 1U << kOutgoingBits;
struct OutgoingTable {
  Outgoing slots[kOutgoingSlots];
  Magazine* bundles[kOutgoingSlots] = {};
  std::uint64_t opened_ns[kOutgoingSlots] = {};
  std::uint8_t doublings[kOutgoingSlots] = {};     // of a bundle's usual length

  // Fibonacci hashing (Knuth, TAOCP 6.4).
  static unsigned slot_of(std::uint32_t key) { return (key * 0x9E3779B1U) >> (32 - kOutgoingBits); }

  // Blocks there, and those that others have taken out of it.
  unsigned count_in(unsigned slot) const {
    return bundles[slot] == nullptr ? 0 : static_cast<unsigned>(slots[slot].top.load_relaxed() - bundles[slot]->slots());
  }
};

// What a thread has that never freed another's block: every slot is full.
inline constinit OutgoingTable no_outgoing{};

struct Cache {
  Slot* top[kClasses];
  Heap* heap;
  OutgoingTable* outgoing;
  std::uint32_t tag;
  std::uint32_t mixed_key;  // of mixed bundles, but for their class
};

constexpr Cache make_empty_cache() {
  Cache cache{{}, nullptr, &no_outgoing, static_cast<std::uint32_t>(kNobodysTag), 0};
  for (auto& top : cache.top) top = &boundary[1];
  return cache;
}

extern constinit thread_local Cache thread_cache;
static_assert(sizeof(Cache) <= 1024, "more static TLS than dlopen can be sure of");

}  // namespace hakmem
