#include "thread/known_costs.hpp"

#include "base/atomics.hpp"
#include "config/knobs.hpp"
#include "os/clock.hpp"
#include "pages/commitment.hpp"
#include "thread/measure_costs.hpp"

namespace hakmem {

namespace {

constinit bool measures = false;            // written at boot
constinit std::uint64_t booted_at_ms = 0;  // the same

constinit Atomic<bool> claimed{false};
constinit learn::CostModel first_measured;
constinit Atomic<bool> is_first_measured{false};  // first_measured is whole, and nobody has taken it
constinit Atomic<double> fault_s{learn::CostModel{}.fault_s};
constinit Atomic<double> populate_s{learn::CostModel{}.populate_s};
constinit Atomic<double> huge_fault_s{learn::CostModel{}.huge_fault_s};

}  // namespace

learn::CostModel known_costs() {
  learn::CostModel costs;
  costs.fault_s = fault_s.load_relaxed();
  costs.populate_s = populate_s.load_relaxed();
  costs.huge_fault_s = huge_fault_s.load_relaxed();
  return costs;
}

void know_small_pages(const learn::CostModel& measured) {
  fault_s.store_relaxed(measured.fault_s);
  populate_s.store_relaxed(measured.populate_s);
}

// One that took long for a reason of its own must not count for more than another step up. What populating takes is taken to be
// dearer in proportion.
void know_fault(double seconds) {
  if (claimed.load_relaxed()) return;
  const learn::CostModel usual;
  const double known = fault_s.load_relaxed();
  const double now = (known + (seconds < 2 * known ? seconds : 2 * known)) / 2;
  fault_s.store_relaxed(now);
  populate_s.store_relaxed(usual.populate_s / usual.fault_s * now);
}

void know_huge_fault(double seconds) { huge_fault_s.store_relaxed(seconds); }

void measure_small_pages_once() {
  if (!measures || claimed.load_relaxed() || commitment.bytes() < knobs::kMeasuredFrom) return;
  bool nobody = false;
  if (!claimed.try_replace_relaxed(nobody, true)) return;
  first_measured = measure_costs(learn::CostModel{});
  know_small_pages(first_measured);
  is_first_measured.store_release(true);  // pairs with take_first_measured()
}

bool take_first_measured(learn::CostModel* costs) {
  bool is_there = is_first_measured.load_acquire();  // pairs with measure_small_pages_once()
  if (!is_there || !is_first_measured.try_replace_relaxed(is_there, false)) return false;
  costs->fault_s = first_measured.fault_s;
  costs->populate_s = first_measured.populate_s;
  costs->touch_after_free_s = first_measured.touch_after_free_s;
  return true;
}

double process_age_s() { return static_cast<double>(os::now_ms() - booted_at_ms) * 1e-3; }

void boot_known_costs(bool may_measure) {
  measures = may_measure;
  claimed.store_relaxed(false);
  is_first_measured.store_relaxed(false);
  booted_at_ms = os::now_ms();
}

}  // namespace hakmem
