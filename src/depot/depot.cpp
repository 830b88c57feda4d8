#include "depot/depot.hpp"

#include "os/alarm.hpp"

namespace hakmem {

constinit Depots depots;

bool Depot::offer(ClassId c, Magazine* bundle, unsigned times) {
  Shelf& shelf = shelves_[index_of(c)];
  if (shelf.blocks.load_relaxed() + bundle->count > depot_limit(c, bundle->capacity, times)) return false;
  shelf.blocks.fetch_add_relaxed(bundle->count);
  shelf.bundles.push(bundle);
  has_stock_.store_release(true);  // not before the bundle is there; pairs with trim()
  os::housekeeping_alarm.ring();
  return true;
}

Magazine* Depot::take(ClassId c) {
  Shelf& shelf = shelves_[index_of(c)];
  if (shelf.bundles.empty()) return nullptr;
  Magazine* bundle = shelf.bundles.pop();
  if (bundle == nullptr) return nullptr;
  shelf.blocks.fetch_sub_relaxed(bundle->count);
  shelf.used.store_relaxed(true);
  return bundle;
}

std::size_t Depot::held_bytes() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    bytes += std::size_t{shelves_[i].blocks.load_relaxed()} * kClassSize[i];
  }
  return bytes;
}

std::size_t Depots::held_bytes() {
  std::size_t bytes = 0;
  for_each([&bytes](const Depot& depot) { bytes += depot.held_bytes(); });
  return bytes;
}

bool Depots::has_stock() {
  bool any = false;
  for_each([&any](const Depot&) { any = true; });
  return any;
}

}  // namespace hakmem
