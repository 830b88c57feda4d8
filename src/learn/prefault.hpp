// Prefault: whether new memory is made resident in one call, before the program touches it page by page.
//
//   touched one by one   a fault for each page that is touched           only what is touched is resident
//   populated            the call's share, less than a fault, for each   what is not touched is resident too
//
// Bills of one page that is touched with a probability of `touched_share`: its fault, against its share of the call and the
// price of holding it for nothing, `expected_s` long, if it is not. A fault costs about twice as much as a populated page on a bare
// machine, and under a hypervisor some other part of it, so what share is enough is a matter of the machine.
//
// Pure functions. Above: thread/prefault. Below: costs. Any thread.
#pragma once

#include "learn/costs.hpp"

namespace hakmem::learn {

struct PrefaultQuestion {
  double touched_share;  // of the new memory's pages, that will soon be touched: 0 to 1
  double expected_s;     // how long the others would be held
};

constexpr bool prefault_pays(const PrefaultQuestion& question, const CostModel& costs, double price) {
  const double hold_s = price * 4096 / static_cast<double>(kGiB) * question.expected_s;
  return question.touched_share * costs.fault_s > costs.populate_s + (1 - question.touched_share) * hold_s;
}

// Of a new slab's pages, when its heap has made `before` of the class and filled them. Programs stop anywhere: the
// last slab ends half full, and this one is the last with a probability of 1 in `before` (Gott's rule for what has
// lasted so long). 0 before the first: it may serve a single block.
constexpr double share_of_next_slab(unsigned before) { return before == 0 ? 0 : 1 - 0.5 / before; }

}  // namespace hakmem::learn
