// Discard list: ranges to be returned to the kernel together.
//
//   add, add, add ...            neighbours in the order of addition become one range
//   discard(settle)              as few calls to the kernel as it allows; settle(first, count,
//   gone) for
//                                each range: gone is false where the kernel refused (locked pages)
//
// Above: purge, large. Below: os. The caller's alone, on its stack.
#pragma once

#include "base/units.hpp"
#include "os/memory.hpp"

namespace hakmem {

class DiscardList {
 public:
  static constexpr unsigned kMost = 64;

  bool full() const { return count_ == kMost; }

  // There is room.
  void add(Granule first, Granules count) {
    std::byte* const start = address_of(first);
    if (count_ != 0 && ranges_[count_ - 1].start + ranges_[count_ - 1].bytes == start) {
      ranges_[count_ - 1].bytes += bytes_of(count);
    } else {
      ranges_[count_++] = {start, bytes_of(count)};
    }
  }

  // Empty afterwards.
  template <typename Settle>
  void discard(Settle settle) {
    for (std::size_t at = 0; at < count_;) {
      const std::size_t gone = at + os::memory.discard_ranges(ranges_ + at, count_ - at);
      for (; at < gone; ++at)
        settle(granule_of(ranges_[at].start), granules_for(ranges_[at].bytes), true);
      if (at == count_) break;
      settle(granule_of(ranges_[at].start), granules_for(ranges_[at].bytes), false);
      ++at;
    }
    count_ = 0;
  }

 private:
  os::MemoryRange ranges_[kMost];
  unsigned count_ = 0;
};

}  // namespace hakmem
