// Huge choice: answers the run store's question whether a new region, or a new unit of 2 MiB, asks for huge pages, by the
// bill.
//
//   RunStore grows --> how much of what is in use has been touched? (mincore, a sample)
//                  --> costs of a huge and of small faults --> learn/huge_arms
//   a run begins a unit of a region that has asked     --> the costs again; its first touch is made here, and measured
//   a run begins a unit of a region that has not asked --> what is touched of the last units on small pages, and how much all
//                                                          units together would waste of what the process has resident
//
// A heap that asks is dense: what it has on small pages already is collapsed, a unit at each run that is
// allocated or each time that something is due, as long as half of what huge pages have saved pays for it.
//
// What a huge fault takes changes from one to the next: in a virtual machine whose free huge pages go back
// to the host, one that has been free for seconds takes 15 times as long as one that was freed just now.
// So each is measured where it is paid (known_costs.hpp has what small pages take), and a dear one is owed.
//
// A large block asks for what lies whole in it, by what is touched of its site's blocks (large/new_pages.hpp).
//
// In force with HAKMEM_THP=auto where learning acts and the system lets programs choose. Until
// then, and for regions below knobs::kHugeQuestionFrom, the static rule holds
// (docs/decisions/0004-huge-pages.md).
//
// Above: boot, housekeeping. Below: run store, known costs, learn. Questions come from any thread, those of regions under a
// growth lock.
#pragma once

#include <cstddef>

#include "pages/run.hpp"

namespace hakmem {

// Once, at boot. `price`: the bill's, while no memory limit is near. `dear_at_first`: huge pages may have to be found by a host
// (os::host_takes_free_pages()), so that small ones pay for the first.
void boot_huge_choice(double price, bool dear_at_first);

// Whether new memory should ask for them now, when so much of the heap's small pages has been touched.
bool huge_pages_pay(double touched_share);

// For whole huge pages of a large block, none of them resident, that the program is going to touch: asks for them if they pay,
// and touches each, up to 64 MiB, until one is dear. False: not all have one.
bool get_huge_pages(const Run* run, std::byte* start, std::size_t bytes);

// So much memory has been touched whole on small pages, and nobody has asked about its units.
void pay_on_small_pages(std::size_t bytes);

// One step, with what is due and after a run was allocated; any thread, without a lock of rank kCollapse or above.
void collapse_what_is_paid();
bool is_collapsing();

// So far.
std::size_t collapsed_bytes();

}  // namespace hakmem
