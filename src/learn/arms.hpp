// Arms: what may be done with an idle block, and what each would have cost.
//
//   idle for     0 ........ lazy_at ........ gone_at ........ reused
//   the block is  resident  | lazily freed   | the kernel's   | touched again
//   and costs     hold_rate | free_s, then   | dontneed_s     | nothing, touch_after_free_s
//                           | lazy_rate      |                | or fault_s
//
// An arm is the two moments; one that never comes is kNever. DONTNEED arms go straight from
// resident to gone, FREE arms stay lazily freed, "FREE, then DONTNEED" arms pass through both.
//
// Above: selectors, learner, large, the simulator. Below: costs. Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "learn/costs.hpp"

namespace hakmem::learn {

inline constexpr float kNever = std::numeric_limits<float>::infinity();

struct Arm {
  float lazy_at;     // seconds idle, or kNever
  float gone_at;     // seconds idle, or kNever
  const char* name;  // as in HAKMEM_SELECTOR=fixed:NAME
};

enum class ArmId : std::uint8_t {};
constexpr std::size_t index_of(ArmId id) { return static_cast<std::size_t>(id); }

// Hold times from "at once" over the break-even time at the usual price, 4.2 s, to "keep". FREE
// arms are fewer: their pages are cheap to take back, so the moment matters less.
inline constexpr Arm kArm[] = {
    {kNever, 0.0f, "0"},
    {kNever, 0.003f, "3ms"},
    {kNever, 0.01f, "10ms"},
    {kNever, 0.03f, "30ms"},
    {kNever, 0.1f, "100ms"},
    {kNever, 0.3f, "300ms"},
    {kNever, 1.0f, "1s"},
    {kNever, 2.0f, "2s"},
    {kNever, 3.0f, "3s"},
    {kNever, 4.2f, "4.2s"},
    {kNever, 6.0f, "6s"},
    {kNever, 10.0f, "10s"},
    {kNever, 30.0f, "30s"},
    {kNever, kNever, "keep"},
    {0.0f, kNever, "free:0"},
    {0.03f, kNever, "free:30ms"},
    {0.3f, kNever, "free:300ms"},
    {1.0f, kNever, "free:1s"},
    {3.0f, kNever, "free:3s"},
    {0.0f, 1.0f, "free:0,1s"},
    {0.03f, 1.0f, "free:30ms,1s"},
    {0.0f, 4.2f, "free:0,4.2s"},
    {0.3f, 4.2f, "free:300ms,4.2s"},
    {1.0f, 10.0f, "free:1s,10s"},
    {3.0f, 30.0f, "free:3s,30s"},
};

inline constexpr std::size_t kArms = std::size(kArm);
inline constexpr ArmId kKeep{13};

constexpr const Arm& arm_of(ArmId id) { return kArm[index_of(id)]; }

// Part of a block's idle time in which nobody did what was due, in seconds since it was freed: [from, to). kNever: until it was
// used again.
struct Unwatched {
  double from_s = 0;
  double to_s = 0;
};

// What was to happen then waited for the end.
constexpr double done_at(double due_s, const Unwatched& unwatched) {
  return due_s > unwatched.from_s && due_s < unwatched.to_s ? unwatched.to_s : due_s;
}

using Bills = std::array<float, kArms>;  // seconds, by arm

// The bill of one idle block: it was idle for `idle_s` and then reused, or still is.
constexpr double arm_cost(const BlockCosts& costs, double idle_s, bool reused, const Arm& arm, const Unwatched& unwatched = {}) {
  const double lazy_at = done_at(arm.lazy_at, unwatched);
  const double gone_at = done_at(arm.gone_at, unwatched);
  const bool lazy = idle_s >= lazy_at;
  const bool gone = idle_s >= gone_at;
  const double lazy_from = lazy ? lazy_at : idle_s;
  const double lazy_to = gone ? gone_at : idle_s;
  const double resident_s = gone && !lazy ? gone_at : lazy_from;
  double cost = costs.hold_rate * resident_s;
  if (lazy) cost += costs.lazy_rate * (lazy_to - lazy_from) + costs.free_s;
  if (gone) cost += costs.dontneed_s;
  if (reused) cost += gone ? costs.fault_s : lazy ? costs.touch_after_free_s : 0.0;
  return cost;
}

// arm_cost for every arm.
void arm_bills(const BlockCosts& costs, double idle_s, bool reused, Bills& into, const Unwatched& unwatched = {});

// What someone pays who knows the idle time in advance: the cheapest of all hold times and ways.
double clairvoyant_cost(const BlockCosts& costs, double idle_s, bool reused);

// False when there is no such arm; `into` is then unchanged.
bool find_arm(const char* name, ArmId& into);

// The DONTNEED arm that holds for about the break-even time: its bill is at most about twice what
// the clairvoyant pays, whatever the idle times are.
ArmId break_even_arm(const BlockCosts& costs);

}  // namespace hakmem::learn
