// Bitmap: two levels of free-slot bits, so that a free slot is two count-trailing-zeros away.
//
//   summary   bit w set: word w may have a bit set        (one word: up to 64 x 64 = 4,096 slots)
//   words     bit b of word w set: slot 64 w + b is free
//
// LocalBitmap is the owner's, plain. SharedBitmap takes bits from any thread: a sharer sets the
// word's bit first and the summary's second; the collector clears the summary first and the word
// second, so a bit is either taken now or still announced. A sharer that finds the summary's bit set
// already leaves it: that needs sequential consistency, or its look at the summary could pass its
// write to the word, the collector clear both in between, and the slot would be lost.
//
// Above: slab. Below: base.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"
#include "base/bits.hpp"

namespace hakmem {

// Bits of the lowest slot of every run of `group` (1, 2 or 4) aligned slots that are all free.
constexpr std::uint64_t whole_groups(std::uint64_t free, unsigned group) {
  if (group == 1) return free;
  const std::uint64_t pairs = free & (free >> 1);
  if (group == 2) return pairs & 0x5555'5555'5555'5555;
  return pairs & (pairs >> 2) & 0x1111'1111'1111'1111;
}

// The slots of the groups whose lowest slots are `lowest`.
constexpr std::uint64_t spread_groups(std::uint64_t lowest, unsigned group) {
  return lowest * low_mask(group);
}

class LocalBitmap {
 public:
  LocalBitmap(std::uint64_t* summary, std::uint64_t* words) : summary_(summary), words_(words) {}

  void set_all(unsigned slots) {
    const unsigned count = (slots + 63) / 64;
    for (unsigned w = 0; w < count; ++w) words_[w] = low_mask(slots - w * 64);
    *summary_ = low_mask(count);
  }

  void add(unsigned word, std::uint64_t bits) {
    words_[word] |= bits;
    *summary_ |= std::uint64_t{1} << word;
  }

  // Takes up to `n` slots, lowest first, in whole groups of `group`, and calls take(slot) for each.
  // Returns how many it took: n rounded up to a group at most.
  template <typename Take>
  unsigned take(unsigned n, unsigned group, Take take) {
    unsigned taken = 0;
    for (std::uint64_t rest = *summary_; rest != 0 && taken < n; rest &= rest - 1) {
      const unsigned w = lowest_bit(rest);
      std::uint64_t bits = spread_groups(whole_groups(words_[w], group), group);
      std::uint64_t used = 0;
      for (; bits != 0 && (taken < n || taken % group != 0); bits &= bits - 1, ++taken) {
        take(w * 64 + lowest_bit(bits));
        used |= bits & (~bits + 1);
      }
      words_[w] &= ~used;
      if (words_[w] == 0) *summary_ &= ~(std::uint64_t{1} << w);
    }
    return taken;
  }

 private:
  std::uint64_t* summary_;
  std::uint64_t* words_;
};

class SharedBitmap {
 public:
  SharedBitmap(Atomic<std::uint64_t>* summary, Atomic<std::uint64_t>* words)
      : summary_(summary), words_(words) {}

  void add(unsigned word, std::uint64_t bits) {
    words_[word].fetch_or_seq_cst(bits);  // pairs with collect()
    const std::uint64_t bit = std::uint64_t{1} << word;
    if ((summary_->load_seq_cst() & bit) == 0) summary_->fetch_or_seq_cst(bit);
  }

  // Moves every announced bit to `to`.
  void collect(LocalBitmap& to) {
    if (summary_->load_relaxed() == 0) return;
    for (std::uint64_t rest = summary_->exchange_seq_cst(0); rest != 0; rest &= rest - 1) {
      const unsigned w = lowest_bit(rest);
      const std::uint64_t bits = words_[w].exchange_seq_cst(0);
      if (bits != 0) to.add(w, bits);
    }
  }

 private:
  Atomic<std::uint64_t>* summary_;
  Atomic<std::uint64_t>* words_;
};

}  // namespace hakmem
