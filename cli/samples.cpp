// Median, spread and verdict; see samples.hpp for the rule.
#include "samples.hpp"

#include <algorithm>
#include <cmath>

namespace hakmem::cli {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const bool odd = values.size() % 2 == 1;
  const double median = odd ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back(), values.size()};
}

Verdict judge(const Spread& ours, const Spread& theirs, Better better) {
  if (ours.count < 2 || theirs.count < 2) return Verdict::kTie;
  const double difference = theirs.median - ours.median;
  if (std::abs(difference) <= std::max(ours.width(), theirs.width())) return Verdict::kTie;
  const bool ours_is_lower = difference > 0;
  return ours_is_lower == (better == Better::kLower) ? Verdict::kOurs : Verdict::kTheirs;
}

double geometric_mean(std::span<const double> values) {
  if (values.empty()) return 0;
  double logarithms = 0;
  for (const double value : values) logarithms += std::log(value);
  return std::exp(logarithms / static_cast<double>(values.size()));
}

}  // namespace hakmem::cli
