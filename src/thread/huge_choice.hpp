// Huge choice: answers the run store's question whether a new region asks for huge pages, by the
// bill.
//
//   RunStore grows --> how much of what is in use has been touched? (mincore, a sample)
//                  --> costs of a huge and of small faults --> learn/huge_arms
//
// The costs are measured once, in housekeeping and without a lock, when the heap has become so large
// that the question will come; until then the usual ones stand.
//
// In force with HAKMEM_THP=auto where learning acts and the system lets programs choose. Until
// then, and below knobs::kHugeQuestionFrom, the static rule holds
// (docs/decisions/0004-huge-pages.md).
//
// Above: boot, housekeeping. Below: run store, learn. The question comes under a run lock, from any thread.
#pragma once

namespace hakmem {

// Once, at boot.
void boot_huge_choice(double price);

// With what is due, any thread: does nothing but the once.
void measure_huge_pages_once();

}  // namespace hakmem
