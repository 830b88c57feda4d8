#include "large/measure_costs.hpp"

#include "os/clock.hpp"
#include "os/memory.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kBytes = 256 * kKiB;
constexpr double kPages = kBytes / 4096.0;
constexpr int kRounds = 4;

// A constant is not believed to be further off its default than this.
constexpr double kMostOff = 10;

struct Round {
  double fault_s;
  double discard_s;
  double free_s;
  double touch_s;
};

double seconds_since(std::uint64_t start_ns) { return static_cast<double>(os::now_ns() - start_ns) * 1e-9; }

void touch(std::byte* start) {
  for (std::size_t at = 0; at < kBytes; at += os::memory.page_size) {
    *static_cast<volatile std::byte*>(start + at) = std::byte{1};
  }
}

Round run_round(std::byte* start) {
  Round round{};
  std::uint64_t begin = os::now_ns();
  touch(start);
  round.fault_s = seconds_since(begin);
  begin = os::now_ns();
  os::memory.free_lazily(start, kBytes);
  round.free_s = seconds_since(begin);
  begin = os::now_ns();
  touch(start);
  round.touch_s = seconds_since(begin);
  begin = os::now_ns();
  os::memory.discard(start, kBytes);
  round.discard_s = seconds_since(begin);
  return round;
}

double best(double a, double b) { return a < b ? a : b; }

// `total_s` without the call's own share, a page.
double for_a_page(double total_s, double call_s, double usual_s) {
  const double page_s = (total_s - call_s) / kPages;
  if (page_s < usual_s / kMostOff) return usual_s / kMostOff;
  return page_s > usual_s * kMostOff ? usual_s * kMostOff : page_s;
}

}  // namespace

learn::CostModel measure_costs(learn::CostModel model) {
  std::byte* start = os::memory.map(kBytes, kGranuleBytes, false);
  if (start == nullptr) return model;
  Round least = run_round(start);
  for (int i = 1; i < kRounds; ++i) {
    const Round round = run_round(start);
    least = {best(least.fault_s, round.fault_s), best(least.discard_s, round.discard_s),
             best(least.free_s, round.free_s), best(least.touch_s, round.touch_s)};
  }
  os::memory.unmap(start, kBytes);
  const learn::CostModel usual;
  model.fault_s = for_a_page(least.fault_s, 0, usual.fault_s);
  model.dontneed_s = for_a_page(least.discard_s, usual.madvise_call_s, usual.dontneed_s);
  model.free_s = for_a_page(least.free_s, usual.madvise_call_s, usual.free_s);
  model.touch_after_free_s = for_a_page(least.touch_s, 0, usual.touch_after_free_s);
  return model;
}

}  // namespace hakmem
