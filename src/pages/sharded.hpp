// Sharded: one T for each place or node. The first is static, the others are made when the topology
// is known, so a small machine pays for one.
//
//   shards[0] | static        shards[1 ...] | records (metadata)
//
// make() comes before the topology is published (os/place.hpp): whoever learns an index above 0
// from there finds its shard. It runs under the registry's lock, so that fork sees all or none.
//
// Above: run store, slab shards, shared slabs. Below: metadata. Any thread.
#pragma once

#include <new>

#include "base/check.hpp"
#include "pages/metadata.hpp"

namespace hakmem {

template <typename T, unsigned kMost>
class Sharded {
 public:
  T& operator[](unsigned i) { return HAK_LIKELY(i == 0) ? first_ : *more_[i - 1]; }
  unsigned count() const { return count_.load_acquire(); }  // pairs with make()

  // False when there is no memory: then nothing has changed.
  bool make(unsigned count) {
    void* memory[kMost];
    for (unsigned i = 1; i < count; ++i) {
      memory[i - 1] = metadata_allocate(sizeof(T));
      if (memory[i - 1] == nullptr) return false;
    }
    for (unsigned i = 1; i < count; ++i) more_[i - 1] = new (memory[i - 1]) T;
    count_.store_release(count);
    return true;
  }

  template <typename Visit>
  void for_each(Visit visit) {
    for (unsigned i = 0, n = count(); i < n; ++i) visit((*this)[i]);
  }

 private:
  T first_;
  T* more_[kMost - 1] = {};
  Atomic<unsigned> count_{1};
};

}  // namespace hakmem
