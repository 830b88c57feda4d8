#include "depot/magazine.hpp"

#include <new>

#include "base/tagged_stack.hpp"
#include "os/place.hpp"
#include "pages/metadata.hpp"

namespace hakmem {

namespace {

struct alignas(kCacheLine) Pools {
  TaggedStack<Magazine> empty_short;
  TaggedStack<Magazine> empty_chains;
};
constinit Pools pools[os::kMostPlaces];

Pools& pools_here() { return pools[index_of(os::places.current())]; }

// One from the pool here, else from another place's: where bundles flow one way, those who send them
// would otherwise make new magazines for ever, and those who receive them would gather them.
Magazine* pop_empty(TaggedStack<Magazine> Pools::*pool) {
  const unsigned all = os::places.places();
  const unsigned here = index_of(os::places.current());
  for (unsigned i = 0; i < all; ++i) {
    TaggedStack<Magazine>& stack = pools[(here + i) % all].*pool;
    if (stack.empty()) continue;
    if (Magazine* magazine = stack.pop()) return magazine;
  }
  return nullptr;
}

Magazine* place(void* memory, std::size_t bytes) {
  auto* magazine = new (memory) Magazine;
  magazine->set_capacity(slots_in(bytes));
  return magazine;
}

}  // namespace

Magazine* make_short_magazine() {
  if (Magazine* magazine = pop_empty(&Pools::empty_short)) return magazine;
  void* memory = metadata_allocate(kShortBytes);
  if (memory == nullptr) return nullptr;
  Magazine* magazine = place(memory, kShortBytes);
  magazine->is_short = true;
  return magazine;
}

void recycle_short_magazine(Magazine* magazine) { pools_here().empty_short.push(magazine); }

Magazine* take_empty_chain(unsigned make) {
  if (Magazine* chain = pop_empty(&Pools::empty_chains)) return chain;
  auto* memory = static_cast<std::byte*>(metadata_allocate(make * kUsualBytes));
  Magazine* chain = nullptr;
  for (unsigned i = make; memory != nullptr && i > 0; --i) {
    Magazine* magazine = place(memory + (i - 1) * kUsualBytes, kUsualBytes);
    magazine->chain = chain;
    chain = magazine;
  }
  return chain;
}

void give_empty_chain(Magazine* first) { pools_here().empty_chains.push(first); }

}  // namespace hakmem
