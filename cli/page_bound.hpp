// Page bound: the least faults and memory that any allocator can have of a history's large blocks, on small pages.
//
//   pages  5 |        ____                     at each height, pages are live, or wait until they are again:
//          4 |  _____|    |__      ____        they are held, or given back and faulted in again,
//          3 |_|             |____|    |___    whichever costs less
//            +-------------------------------> time
//
// Blocks lie side by side, pages of any serve any other, every idle time is known beforehand, and giving back costs nothing. The heights are
// independent of one another, so the sum of their least is the least of all.
#pragma once

#include "bill.hpp"

namespace hakmem::cli {

struct PageBound {
  std::uint64_t faults;  // first touches too
  double live_gib_s;
  double idle_gib_s;
};

PageBound page_bound(const LargeHistory& history, const Pricing& pricing);

}  // namespace hakmem::cli
