// Cache: all that a warm malloc or free touches of a thread: its tag, and one pointer a class.
//
//   thread_cache   | top[0] | top[1] | ... | heap | outgoing | tag |        344 bytes of static TLS
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

// A bundle that is being filled with another heap's blocks: one tag, so one owner and class.
struct Outgoing {
  std::uint32_t tag = 0;
  Slot* top = &boundary[1];
  Magazine* bundle = nullptr;
};

// Bundles are found by a hash of their tag; two tags of one slot take turns.
inline constexpr unsigned kOutgoingBits = 6;
struct OutgoingTable {
  Outgoing slots[1U << kOutgoingBits];

  Outgoing& of(std::uint32_t tag) {
    // Fibonacci hashing (Knuth, TAOCP 6.4).
    return slots[(tag * 0x9E3779B1U) >> (32 - kOutgoingBits)];
  }
};

// What a thread has that never freed another's block: every slot is full.
inline constinit OutgoingTable no_outgoing{};

struct Cache {
  Slot* top[kClasses];
  Heap* heap;
  OutgoingTable* outgoing;
  std::uint32_t tag;
};

constexpr Cache make_empty_cache() {
  Cache cache{{}, nullptr, &no_outgoing, static_cast<std::uint32_t>(kNobodysTag)};
  for (auto& top : cache.top) top = &boundary[1];
  return cache;
}

extern constinit thread_local Cache thread_cache;
static_assert(sizeof(Cache) <= 1024, "more static TLS than dlopen can be sure of");

}  // namespace hakmem
