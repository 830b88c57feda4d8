#include "depot/depot.hpp"

namespace hakmem {

constinit Depot depot;

bool Depot::offer(ClassId c, Magazine* bundle) {
  if (!fills_whole_lines(c)) return false;
  Shelf& shelf = shelves_[index_of(c)];
  if (shelf.count.load_relaxed() >= depot_limit(c)) return false;
  shelf.count.fetch_add_relaxed(1);
  shelf.bundles.push(bundle);
  return true;
}

Magazine* Depot::take(ClassId c) {
  Shelf& shelf = shelves_[index_of(c)];
  if (shelf.bundles.empty()) return nullptr;
  Magazine* bundle = shelf.bundles.pop();
  if (bundle == nullptr) return nullptr;
  shelf.count.fetch_sub_relaxed(1);
  shelf.used.store_relaxed(true);
  return bundle;
}

std::size_t Depot::held_bytes() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    bytes += shelves_[i].count.load_relaxed() * magazine_capacity(ClassId{static_cast<std::uint8_t>(i)}) * kClassSize[i];
  }
  return bytes;
}

}  // namespace hakmem
