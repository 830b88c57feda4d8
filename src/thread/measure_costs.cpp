#include "thread/measure_costs.hpp"

#include "os/clock.hpp"
#include "os/memory.hpp"

namespace hakmem {

namespace {

// More pages than Linux flushes one by one (33 on x86-64, arch/x86/mm/tlb.c), as what is given back mostly is: under a hypervisor
// that makes 16 of them dearer than 64.
constexpr std::size_t kBytes = 3 * kGranuleBytes;
constexpr double kPages = static_cast<double>(kBytes) / 4096;
constexpr int kRounds = 3;

// A constant is not believed to be further off its default than this: under a hypervisor without hardware paging the first write after
// MADV_FREE takes 30 times as long, and a call as well.
constexpr double kMostOff = 40;

struct Round {
  double fault_s;
  double discard_s;
  double free_s;
  double touch_s;
  double call_s;  // of MADV_DONTNEED for a page, which is hardly more than the call
  double populate_s;
};

template <typename Step>
double seconds_of(Step step) {
  const std::uint64_t begin = os::now_ns();
  step();
  return static_cast<double>(os::now_ns() - begin) * 1e-9;
}

void touch(std::byte* start) {
  for (std::size_t at = 0; at < kBytes; at += os::memory.page_size) {
    *static_cast<volatile std::byte*>(start + at) = std::byte{1};
  }
}

// Under a hypervisor the first touch may cost something even then.
void populate_and_touch(std::byte* start) {
  os::memory.populate(start, kBytes);
  touch(start);
}

Round run_round(std::byte* start) {
  Round round{};
  round.fault_s = seconds_of([start] { touch(start); });
  round.free_s = seconds_of([start] { os::memory.free_lazily(start, kBytes); });
  round.touch_s = seconds_of([start] { touch(start); });
  round.call_s = seconds_of([start] { os::memory.discard(start, os::memory.page_size); });
  round.discard_s = seconds_of([start] { os::memory.discard(start, kBytes); });
  round.populate_s = seconds_of([start] { populate_and_touch(start); });
  os::memory.discard(start, kBytes);
  return round;
}

double best(double a, double b) { return a < b ? a : b; }

double believable(double seconds, double usual_s) {
  if (seconds < usual_s / kMostOff) return usual_s / kMostOff;
  return seconds > usual_s * kMostOff ? usual_s * kMostOff : seconds;
}

// `total_s` without the call's own share, a page.
double for_a_page(double total_s, double call_s, double usual_s) {
  return believable((total_s - call_s) / kPages, usual_s);
}

}  // namespace

learn::CostModel measure_costs(learn::CostModel model) {
  std::byte* start = os::memory.map(kBytes, kGranuleBytes, false);
  if (start == nullptr) return model;
  Round least = run_round(start);
  for (int i = 1; i < kRounds; ++i) {
    const Round round = run_round(start);
    least = {best(least.fault_s, round.fault_s), best(least.discard_s, round.discard_s),
             best(least.free_s, round.free_s),   best(least.touch_s, round.touch_s),
             best(least.call_s, round.call_s),   best(least.populate_s, round.populate_s)};
  }
  os::memory.unmap(start, kBytes);
  const learn::CostModel usual;
  model.fault_s = for_a_page(least.fault_s, 0, usual.fault_s);
  model.populate_s = for_a_page(least.populate_s, 0, usual.populate_s);
  model.madvise_call_s = believable(least.call_s, usual.madvise_call_s);
  model.dontneed_s = for_a_page(least.discard_s, model.madvise_call_s, usual.dontneed_s);
  model.free_s = for_a_page(least.free_s, model.madvise_call_s, usual.free_s);
  model.touch_after_free_s = for_a_page(least.touch_s, 0, usual.touch_after_free_s);
  return model;
}

}  // namespace hakmem
