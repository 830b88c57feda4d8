// Known costs: what pages cost on this machine, as far as it has been measured, for decisions about new memory.
//
//   usual (learn/costs.hpp) --heap of knobs::kMeasuredFrom--> measured once --the learner's, once a minute--> newer
//                           --a huge fault is paid--> what huge ones take now
//
// Each constant is a number of its own: beside an old one, a new one is no worse a guess.
//
// Above: huge choice, prefault, idle blocks. Below: learn, os. Any thread, no locks.
#pragma once

#include "learn/costs.hpp"

namespace hakmem {

learn::CostModel known_costs();

// Faults and populated pages, as they were just measured.
void know_small_pages(const learn::CostModel& measured);

// One fault that the program would have taken: counts until they are measured.
void know_fault(double seconds);
void know_huge_fault(double seconds);

// With what is due, any thread: measures small pages, but the once, when the heap has grown enough.
void measure_small_pages_once();

// True once, after that: `costs` has what was measured then of touching pages, for the learner. One look in the middle of
// a program's start says too little of what giving back takes, for which there is a budget.
bool take_first_measured(learn::CostModel* costs);

// How long the process has run, in seconds.
double process_age_s();

// At boot. `may_measure`: where anything is decided by costs.
void boot_known_costs(bool may_measure);

}  // namespace hakmem
