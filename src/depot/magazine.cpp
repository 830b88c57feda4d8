#include "depot/magazine.hpp"

#include <new>

#include "base/tagged_stack.hpp"
#include "pages/metadata.hpp"

namespace hakmem {

namespace {

constinit TaggedStack<Magazine> empty_short;
constinit TaggedStack<Magazine> empty_chains;

Magazine* make(std::size_t bytes) {
  void* memory = metadata_allocate(bytes);
  if (memory == nullptr) return nullptr;
  auto* magazine = new (memory) Magazine;
  magazine->set_capacity(slots_in(bytes));
  return magazine;
}

}  // namespace

Magazine* make_short_magazine() {
  if (Magazine* magazine = empty_short.pop()) return magazine;
  Magazine* magazine = make(kShortBytes);
  if (magazine != nullptr) magazine->is_short = true;
  return magazine;
}

Magazine* make_usual_magazine() { return make(kUsualBytes); }

void recycle_short_magazine(Magazine* magazine) { empty_short.push(magazine); }

Magazine* take_empty_chain() { return empty_chains.pop(); }

void give_empty_chain(Magazine* first) { empty_chains.push(first); }

}  // namespace hakmem
