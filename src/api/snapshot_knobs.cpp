#include "api/snapshot_knobs.hpp"

#include <cstring>

#include "os/memory.hpp"
#include "pages/run_store.hpp"
#include "thread/capacity.hpp"
#include "thread/huge_choice.hpp"
#include "thread/tuner.hpp"

namespace hakmem {

namespace {

constexpr const char* kNames[kClimbedKnobs] = {"depot", "inbox", "attached", "growth"};
static_assert(kClimbedKnobs <= HAK_STATS_MAX_KNOBS);

const char* text_of(KnobReason reason) {
  switch (reason) {
    case KnobReason::kNever:
      return "none";
    case KnobReason::kTrial:
      return "running";
    case KnobReason::kCheaper:
      return "cheaper";
    case KnobReason::kDearer:
      return "dearer";
    case KnobReason::kNoDifference:
      return "no difference";
  }
  return "";
}

void fill_knob(hak_stats_knob* into, unsigned i) {
  const KnobState state = knob_state(static_cast<KnobId>(i));
  std::strncpy(into->name, kNames[i], sizeof into->name - 1);
  std::strncpy(into->last_trial, text_of(state.reason), sizeof into->last_trial - 1);
  into->value = state.value;
  into->static_value = state.static_value;
  into->kept = state.kept;
  into->per_mille = state.per_mille;
}

void count_capacity(hak_stats* stats) {
  stats->spare_bound_bytes = cache_budget.bound();
  stats->spare_unclaimed_bytes = cache_budget.free_bytes();
  stats->allowance_growths = capacity_moves.growths.load_relaxed();
  stats->allowance_shrinkings = capacity_moves.shrinkings.load_relaxed();
  stats->allowance_loans = capacity_moves.loans.load_relaxed();
  stats->idle_classes_emptied = capacity_moves.homecomings.load_relaxed();
}

void count_huge_units(hak_stats* stats) {
  const UnitUse use = run_store.unit_use();
  stats->huge_wanted_bytes = use.wanted_bytes;
  stats->huge_full_units = use.full;
  stats->huge_part_units = use.part;
  stats->huge_waste_bytes = use.waste_bytes;
  stats->huge_collapsed_bytes = collapsed_bytes();
  stats->huge_resident_bytes = os::huge_resident_bytes();
}

}  // namespace

void count_knobs(hak_stats* stats) {
  count_capacity(stats);
  count_huge_units(stats);
  const TunerState state = tuner_state();
  stats->knobs_adapt = live_knobs.adapt ? 1 : 0;
  stats->knobs_settled = state.settled ? 1 : 0;
  stats->knob_changes = state.changes;
  stats->bundle_changes = state.bundle_changes;
  stats->cold_classes = state.cold_classes;
  stats->knob_bill_cpu_s = state.bill_cpu_s;
  stats->knob_bill_memory_s = state.bill_memory_s;
  stats->knob_count = kClimbedKnobs;
  for (unsigned i = 0; i < kClimbedKnobs; ++i) fill_knob(&stats->knobs[i], i);
}

}  // namespace hakmem
