// Idle stack: the idle blocks of one class in one shard, the newest on top.
//
//   bottom | entry entry entry ... entry | top          a ring of kDepth entries, in pieces of kPiece
//            mark  mark  run       run
//
// Entries below `offered_` have been offered for lazy freeing, and are not looked at for that again.
//
// An entry whose pages have gone stays as a mark of when a block was freed. Pieces are records, made as
// the stack grows, so a class and shard that is not used takes two cache lines.
//
// Above: idle shard. Below: learn, metadata. Under the shard's lock, but for live() and count(), by which
// others see whether it pays to take that lock.
#pragma once

#include <new>

#include "base/atomics.hpp"
#include "learn/learner.hpp"
#include "pages/metadata.hpp"
#include "pages/run.hpp"

namespace hakmem {

struct IdleEntry {
  Run* run = nullptr;  // nullptr: its pages have gone
  std::uint64_t freed_at_ms = 0;
  learn::Site site = 0;
  learn::ContextId context{};
  bool is_lazy = false;
};

class IdleStack {
 public:
  static constexpr unsigned kDepth = 1024;  // the bottom one makes room

  unsigned count() const { return count_.load_relaxed(); }
  unsigned live() const { return live_.load_relaxed(); }  // entries that have a run
  bool is_full() const { return count() == kDepth; }
  bool has_marks_alone() const { return count() != 0 && live() == 0; }

  IdleEntry& at(unsigned position) { return entry((bottom_ + position) % kDepth); }
  IdleEntry& top() { return at(count() - 1U); }

  // False: no memory. There must be room.
  bool push(const IdleEntry& idle) {
    const unsigned index = (bottom_ + count()) % kDepth;
    if (!prepare(index)) return false;
    entry(index) = idle;
    count_.store_relaxed(static_cast<std::uint16_t>(count() + 1));
    live_.store_relaxed(static_cast<std::uint16_t>(live() + 1));
    return true;
  }

  // The entry stays, as a mark.
  Run* detach(IdleEntry& idle) {
    Run* run = idle.run;
    if (run != nullptr) live_.store_relaxed(static_cast<std::uint16_t>(live() - 1));
    idle.run = nullptr;
    idle.is_lazy = false;
    return run;
  }

  // The top leaves although an entry below has lent its pages: those of the top stay, if it has any, in
  // the place that has become free.
  void move_pages_down(IdleEntry& lender) {
    lender.run = top().run;
    lender.is_lazy = top().is_lazy;
    unsigned position = count() - 1U;
    while (&at(position) != &lender) --position;
    if (offered_ > position) offered_ = static_cast<std::uint16_t>(position);
  }

  // Of a mark, or after move_pages_down().
  void drop_top() {
    count_.store_relaxed(static_cast<std::uint16_t>(count() - 1));
    if (offered_ > count()) offered_ = static_cast<std::uint16_t>(count());
  }

  // Of a mark.
  void drop_bottom() {
    bottom_ = static_cast<std::uint16_t>((bottom_ + 1) % kDepth);
    if (offered_ != 0) --offered_;
    drop_top();
  }

  // The lowest entry that has resident pages and was not offered yet; nullptr: there is none.
  IdleEntry* offer_for_lazy() {
    while (offered_ < count()) {
      IdleEntry& lowest = at(offered_++);
      if (lowest.run != nullptr && !lowest.is_lazy) return &lowest;
    }
    return nullptr;
  }

  // The lowest entries that a stack rule gives back at this tick.
  unsigned unneeded = 0;

 private:
  static constexpr unsigned kPiece = 64;

  struct Piece {
    IdleEntry entry[kPiece];
  };

  IdleEntry& entry(unsigned index) { return pieces_[index / kPiece]->entry[index % kPiece]; }

  bool prepare(unsigned index) {
    Piece*& piece = pieces_[index / kPiece];
    if (HAK_LIKELY(piece != nullptr)) return true;
    void* memory = metadata_allocate(sizeof(Piece));
    if (memory != nullptr) piece = new (memory) Piece;
    return memory != nullptr;
  }

  Atomic<std::uint16_t> count_{0};
  Atomic<std::uint16_t> live_{0};
  std::uint16_t bottom_ = 0;
  std::uint16_t offered_ = 0;
  Piece* pieces_[kDepth / kPiece] = {};
};

}  // namespace hakmem
