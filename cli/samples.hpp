// What repeated measurements say: median, spread, ratio, and who wins.
//
// Pure functions over numbers; the table, the JSON and the tests use the same ones. The rule for a
// win is deliberately modest: two medians that differ by no more than the wider of the two spreads
// (highest minus lowest) are a tie, because the next run may show the opposite. A single
// measurement has no spread, and so wins nothing.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hakmem::cli {

// Median with the lowest and highest value it was taken from.
struct Spread {
  double median = 0;
  double lowest = 0;
  double highest = 0;
  std::size_t count = 0;

  double width() const { return highest - lowest; }
};

// All zero when there are no values.
Spread spread_of(std::vector<double> values);

enum class Better { kLower, kHigher };
enum class Verdict { kOurs, kTie, kTheirs };

// Who wins, `ours` or `theirs`, when `better` values are better.
Verdict judge(const Spread& ours, const Spread& theirs, Better better);

// Zero when empty; every value has to be above zero.
double geometric_mean(std::span<const double> values);

}  // namespace hakmem::cli
