// Contexts: what idle times are told apart by.
//
//   context = size class of large blocks x depth in the class's stack of idle blocks x group of
//   site x node of memory
//
//   size class   64K 80K 96K 112K | 128K 160K ... | up to 1 GiB and more: four a doubling
//   depth        position from the bottom of the stack: 0 | 1 | 2-3 | 4-7 | ... | 1024 and more
//   group        0, or 1 for sites with long idle times where a class is split (sites.hpp)
//   node         where the block is freed; with more than four, several are told together
//
// Blocks are reused newest first, so the bottom of the stack is needed only at peaks: deep blocks
// wait longer, which is what low-water marks exploit, and costs nothing to know.
//
// The table is bounded: contexts get a slot when they are first seen, and those that find no slot
// share the last one.
// Above: learner. Below: base. Any thread may find(); add() is for one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/atomics.hpp"
#include "base/bits.hpp"
#include "base/units.hpp"

namespace hakmem::learn {

inline constexpr unsigned kClassesADoubling = 4;
inline constexpr unsigned kSmallestLog2 = 16;
inline constexpr unsigned kLargestLog2 = 30;
inline constexpr unsigned kLargeClasses = (kLargestLog2 - kSmallestLog2) * kClassesADoubling + 1;
inline constexpr unsigned kDepths = 12;
inline constexpr unsigned kGroups = 2;
inline constexpr unsigned kNodes = 4;

// Length of the blocks of a class; the last class has all that are longer, too.
constexpr std::size_t large_class_bytes(unsigned size_class) {
  const std::size_t base = std::size_t{1} << (kSmallestLog2 + size_class / kClassesADoubling);
  return base + base / kClassesADoubling * (size_class % kClassesADoubling);
}

// The smallest class whose blocks hold `bytes`.
constexpr unsigned large_class_of(std::size_t bytes) {
  if (bytes <= large_class_bytes(0)) return 0;
  if (bytes > large_class_bytes(kLargeClasses - 1)) return kLargeClasses - 1;
  const unsigned doubling = log2_floor(bytes - 1) - kSmallestLog2;
  const std::size_t step = large_class_bytes(doubling * kClassesADoubling) / kClassesADoubling;
  const std::size_t above = bytes - large_class_bytes(doubling * kClassesADoubling);
  return doubling * kClassesADoubling + static_cast<unsigned>((above + step - 1) / step);
}

// `position`: idle blocks of the class below this one.
constexpr unsigned depth_of(std::size_t position) {
  const unsigned depth = position == 0 ? 0 : log2_floor(position) + 1;
  return depth < kDepths ? depth : kDepths - 1;
}

// How many positions have this depth; the last depth has all from there on.
constexpr std::size_t positions_at(unsigned depth) {
  return depth == 0 ? 1 : std::size_t{1} << (depth - 1);
}

// Blocks of this depth that are used again where one was, at the middle of what is possible.
constexpr std::uint32_t expected_with_first(unsigned depth) {
  return static_cast<std::uint32_t>((positions_at(depth) + 1) / 2);
}

struct Context {
  unsigned size_class;
  unsigned depth;
  unsigned group;
  unsigned node = 0;
};

enum class ContextId : std::uint16_t {};
constexpr std::size_t index_of(ContextId id) { return static_cast<std::size_t>(id); }

class ContextTable {
 public:
  static constexpr std::size_t kSlots = 256;

  // The context's slot, or the last one when none is left. False: add() would give it one.
  bool find(const Context& context, ContextId& into) const {
    const std::size_t slot = slot_of(context).load_acquire();  // pairs with add()
    if (slot == kNone && used() < kSlots) return false;
    into = static_cast<ContextId>((slot == kNone ? kSlots : slot) - 1);
    return true;
  }

  // Gives a slot to a context that find() did not find, and calls start(id) before anybody can find it.
  template <typename Start>
  ContextId add(const Context& context, Start start) {
    const std::size_t next = used_.load_relaxed();
    const auto id = static_cast<ContextId>(next);
    start(id);
    Slot& slot = slot_[context.node][context.size_class][context.depth][context.group];
    slot.store_release(static_cast<std::uint16_t>(next + 1));  // pairs with find()
    used_.store_release(next + 1);  // pairs with used()
    return id;
  }

  std::size_t used() const { return used_.load_acquire(); }  // pairs with add()

  // Calls visit(id, context) for every context that has a slot of its own.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (unsigned node = 0; node < kNodes; ++node) {
      for (unsigned c = 0; c < kLargeClasses; ++c) {
        for (unsigned depth = 0; depth < kDepths; ++depth) {
          for (unsigned group = 0; group < kGroups; ++group) {
            const Context context{c, depth, group, node};
            const std::uint16_t slot = slot_of(context).load_acquire();  // pairs with add()
            if (slot != kNone) visit(static_cast<ContextId>(slot - 1), context);
          }
        }
      }
    }
  }

 private:
  static constexpr std::uint16_t kNone = 0;  // otherwise the slot's number and 1

  using Slot = Atomic<std::uint16_t>;

  const Slot& slot_of(const Context& c) const { return slot_[c.node][c.size_class][c.depth][c.group]; }

  Slot slot_[kNodes][kLargeClasses][kDepths][kGroups];
  Atomic<std::size_t> used_{0};
};

}  // namespace hakmem::learn
