// See costs.hpp.
#include "learn/costs.hpp"

namespace hakmem::learn {
namespace {

constexpr double kPageBytes = 4096;
constexpr double kHugePageBytes = 2 * kMiB;

}  // namespace

BlockCosts costs_of(const CostModel& model, double price, std::size_t bytes) {
  const auto length = static_cast<double>(bytes);
  const bool huge = model.huge_from != 0 && bytes >= model.huge_from;
  const double pages = length / (huge ? kHugePageBytes : kPageBytes);
  const double hold_rate = price * length / static_cast<double>(kGiB);
  return {
      .dontneed_s =
          model.madvise_call_s + pages * (huge ? model.huge_dontneed_s : model.dontneed_s),
      .free_s = model.madvise_call_s + pages * (huge ? model.huge_free_s : model.free_s),
      .fault_s = pages * (huge ? model.huge_fault_s : model.fault_s),
      .touch_after_free_s =
          pages * (huge ? model.huge_touch_after_free_s : model.touch_after_free_s),
      .unmap_s = model.remap_call_s + length / kPageBytes * model.unmap_s,
      .hold_rate = hold_rate,
      .lazy_rate = hold_rate * model.lazy_share,
  };
}

}  // namespace hakmem::learn
