// See page_bound.hpp.
#include "page_bound.hpp"

namespace hakmem::cli {

PageBound page_bound(const LargeHistory& history, const Pricing& pricing) {
  constexpr double kPageGib = 4096.0 / static_cast<double>(kGiB);
  PageBound bound{history.peak_pages, history.live_page_gib_s, 0};
  for (const PageSpan& span : history.page_spans) {
    const double gib_s = kPageGib * static_cast<double>(span.until_ns - span.freed_ns) * 1e-9;
    if (pricing.price * gib_s < pricing.costs.fault_s) bound.idle_gib_s += static_cast<double>(span.pages) * gib_s;
    else bound.faults += span.pages;
  }
  return bound;
}

}  // namespace hakmem::cli
