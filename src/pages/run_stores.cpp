// The stores of all nodes: what concerns each of them, or all together.
#include "pages/run_store.hpp"

namespace hakmem {

constinit RunStores run_store;

bool RunStores::make(unsigned nodes) {
  if (!stores_.make(nodes)) return false;
  for (unsigned n = 0; n < nodes; ++n) stores_[n].serve(os::Node{static_cast<std::uint8_t>(n)});
  return true;
}

AllocatedRun RunStores::allocate_anywhere(Granules count, Granules alignment, WillTouch will) {
  AllocatedRun allocated{};
  stores_.for_each([&](RunStore& store) {
    if (allocated.run == nullptr) allocated = store.allocate(count, alignment, will);
  });
  return allocated;
}

void RunStores::purge(std::uint64_t now_ms, bool all) {
  stores_.for_each([&](RunStore& store) { store.purge(now_ms, all); });
}

bool RunStores::unmap_free() {
  bool any = false;
  stores_.for_each([&any](RunStore& store) { any = store.unmap_free() || any; });
  return any;
}

RunUse RunStores::use() {
  RunUse sum{};
  stores_.for_each([&sum](RunStore& store) {
    const RunUse use = store.use();
    sum.mapped_bytes += use.mapped_bytes;
    sum.free_bytes += use.free_bytes;
    sum.dirty_bytes += use.dirty_bytes;
    sum.purged_bytes += use.purged_bytes;
  });
  return sum;
}

UnitUse RunStores::unit_use() {
  UnitUse sum{};
  stores_.for_each([&sum](RunStore& store) {
    const UnitUse use = store.unit_use();
    sum.wanted_bytes += use.wanted_bytes;
    sum.full += use.full;
    sum.part += use.part;
    sum.waste_bytes += use.waste_bytes;
    sum.collapsed_bytes += use.collapsed_bytes;
  });
  return sum;
}

// One store at a time.
bool RunStores::collapse_next() {
  bool more = false;
  stores_.for_each([&more](RunStore& store) { more = more || store.collapse_next(); });
  return more;
}

bool RunStores::has_huge_pages() {
  bool any = false;
  stores_.for_each([&any](const RunStore& store) { any = any || store.has_huge_pages(); });
  return any;
}

void RunStores::look_for_dense_again() {
  stores_.for_each([](RunStore& store) { store.look_for_dense_again(); });
}

std::size_t RunStores::mapped_bytes() {
  std::size_t sum = 0;
  stores_.for_each([&sum](const RunStore& store) { sum += store.mapped_bytes(); });
  return sum;
}

std::uint64_t RunStores::growth_ns() {
  std::uint64_t sum = 0;
  stores_.for_each([&sum](const RunStore& store) { sum += store.growth_ns(); });
  return sum;
}

std::size_t RunStores::dirty_bytes() {
  std::size_t sum = 0;
  stores_.for_each([&sum](const RunStore& store) { sum += store.dirty_bytes(); });
  return sum;
}

bool RunStores::check_invariants() {
  bool hold = true;
  stores_.for_each([&hold](RunStore& store) { hold = store.check_invariants() && hold; });
  return hold;
}

bool RunStores::lock_is_mine() {
  bool mine = false;
  stores_.for_each([&mine](const RunStore& store) { mine = mine || store.lock_is_mine(); });
  return mine;
}

bool RunStores::growth_lock_is_mine() {
  bool mine = false;
  stores_.for_each([&mine](const RunStore& store) { mine = mine || store.growth_lock_is_mine(); });
  return mine;
}

bool RunStores::lock_for_fork(bool patient) {
  bool done = true;
  stores_.for_each([&](RunStore& store) { done = done && store.lock_for_fork(patient); });
  return done;
}

void RunStores::unlock_after_fork(bool in_child) {
  stores_.for_each([in_child](RunStore& store) { store.unlock_after_fork(in_child); });
}

}  // namespace hakmem
