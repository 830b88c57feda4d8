#include "depot/magazine.hpp"

#include <new>

#include "base/tagged_stack.hpp"
#include "pages/metadata.hpp"

namespace hakmem {

namespace {

constinit TaggedStack<Magazine> empty_short;
constinit TaggedStack<Magazine> empty_chains;

Magazine* place(void* memory, std::size_t bytes) {
  auto* magazine = new (memory) Magazine;
  magazine->set_capacity(slots_in(bytes));
  return magazine;
}

}  // namespace

Magazine* make_short_magazine() {
  if (Magazine* magazine = empty_short.pop()) return magazine;
  void* memory = metadata_allocate(kShortBytes);
  if (memory == nullptr) return nullptr;
  Magazine* magazine = place(memory, kShortBytes);
  magazine->is_short = true;
  return magazine;
}

void recycle_short_magazine(Magazine* magazine) { empty_short.push(magazine); }

Magazine* take_empty_chain(unsigned make) {
  if (Magazine* chain = empty_chains.pop()) return chain;
  auto* memory = static_cast<std::byte*>(metadata_allocate(make * kUsualBytes));
  Magazine* chain = nullptr;
  for (unsigned i = make; memory != nullptr && i > 0; --i) {
    Magazine* magazine = place(memory + (i - 1) * kUsualBytes, kUsualBytes);
    magazine->chain = chain;
    chain = magazine;
  }
  return chain;
}

void give_empty_chain(Magazine* first) { empty_chains.push(first); }

}  // namespace hakmem
