// Huge arms: whether new memory of a heap asks for huge pages, and how long the free part of a huge
// page is held before giving it back breaks the page.
//
//   small   512 faults for each 2 MiB                          only what is touched is resident
//   huge    one fault, of a cleared 2 MiB, for each 2 MiB      what is not touched is resident too
//
// Bills of one new region: faults, and price x waste x the time that it is expected to be held,
// which is taken to be as long as the process has run so far. What a TLB miss less is worth is not
// in them: it cannot be counted here. Besides, waste must stay below knobs::kMostHugeWaste: memory is what
// users see.
//
// Giving back part of a huge page and touching it again costs a call and small faults, and the huge
// page is gone; holding it costs its price. So it waits for the break-even time of small pages.
//
// Units that are on small pages already, and full, can be collapsed: that costs a copy, and gains TLB misses
// only. It is paid from what asking has saved.
//
// Pure functions. Above: thread/huge_choice. Below: costs. Any thread.
#pragma once

#include "config/knobs.hpp"
#include "learn/costs.hpp"

namespace hakmem::learn {

inline constexpr double kHugeBytes = kHugePageBytes;
inline constexpr double kSmallPagesInHuge = 512;

struct HugeQuestion {
  double touched_share;  // of the heap's small pages in use: 0 to 1; below 0: not known
  double expected_s;     // how long the new memory will be held
};

struct HugeBill {
  double small_s;
  double huge_s;
};

// For each 2 MiB of new memory.
constexpr HugeBill bill_of(const HugeQuestion& question, const CostModel& costs, double price) {
  const double gib = kHugeBytes / static_cast<double>(kGiB);
  const double waste = 1 - question.touched_share;
  return {question.touched_share * kSmallPagesInHuge * costs.fault_s,
          costs.huge_fault_s + price * gib * waste * question.expected_s};
}

// What of small pages must be resident for huge ones to add no more than they may.
inline constexpr double kLeastTouched = 1 / (1 + knobs::kMostHugeWaste);

constexpr bool huge_is_cheaper(const HugeQuestion& question, const CostModel& costs, double price) {
  const HugeBill bill = bill_of(question, costs, price);
  return bill.huge_s < bill.small_s;
}

constexpr bool asks_for_huge(const HugeQuestion& question, const CostModel& costs, double price) {
  return question.touched_share >= kLeastTouched && huge_is_cheaper(question, costs, price);
}

// One unit, of 2 MiB, that a growing heap begins. What is used of it has pages that nobody touches, which stay.
struct UnitQuestion {
  double resident_bytes;  // of the process
  double huge_units;      // that it has already
  double unseen_units;    // of those, begun since the last one on small pages was
  double touched_share;   // of what is used of a unit: 0 to 1
  double expected_s;      // how long it will be held
};

// Where less is touched, what is next may be anything: two units of node's heap (0.5 touched) saved no fault and cost 2 MiB each.
inline constexpr double kLeastTouchedOfUnit = 0.8;

// All such units together add no more than they may to what is resident, even if what was seen no longer holds: then
// nobody touches this one, nor those since.
constexpr bool wastes_little(const UnitQuestion& unit) {
  const double untouched = (unit.huge_units - unit.unseen_units) * (1 - unit.touched_share) + unit.unseen_units + 1;
  return unit.touched_share >= kLeastTouchedOfUnit && untouched * kHugeBytes <= knobs::kMostHugeWaste * unit.resident_bytes;
}

constexpr bool asks_for_unit(const UnitQuestion& unit, const CostModel& costs, double price) {
  return wastes_little(unit) && huge_is_cheaper({unit.touched_share, unit.expected_s}, costs, price);
}

// What a huge fault is taken to cost after one more of `seconds`.
constexpr double huge_fault_after(const CostModel& costs, double seconds) { return (costs.huge_fault_s + seconds) / 2; }

// Asking again, where huge faults were dear, finds a machine on which they have become cheap, and costs a dear one otherwise. So
// what they have cost beyond small pages is a debt, which an eighth of what is spent on small pages instead pays off: until
// then nothing is asked, and asking makes new memory dearer by an eighth at most.
inline constexpr double kAskingShare = 1.0 / 8;

// What a huge fault took where the host had to find the memory: 2.3 to 6 ms on three virtual machines. On such a host it is owed before the first is asked for.
inline constexpr double kHostFault_s = 5e-3;

// After a huge fault of `seconds`, which may have been a cheap one.
constexpr double debt_after(double debt_s, const CostModel& costs, double seconds) {
  const double debt = debt_s + seconds - kSmallPagesInHuge * costs.fault_s;
  return debt > 0 ? debt : 0;
}

// After so much memory has been refused.
constexpr double debt_left(double debt_s, const CostModel& costs, double bytes) {
  const double debt = debt_s - kAskingShare * bytes / kHugeBytes * kSmallPagesInHuge * costs.fault_s;
  return debt > 0 ? debt : 0;
}

// What a huge fault of `seconds` adds to what collapsing units of small pages may take: half of what it has saved, or less than
// nothing. So whoever grows pays less than without huge pages, even if it never feels a TLB miss.
constexpr double collapse_allowance_s(const CostModel& costs, double seconds) {
  return (kSmallPagesInHuge * costs.fault_s - seconds) / 2;
}

// Milliseconds, at most `most`.
constexpr double hold_before_breaking_ms(const CostModel& costs, double price, double most) {
  const double rate = price * 4096 / static_cast<double>(kGiB);
  const double ms = rate > 0 ? (costs.fault_s + costs.dontneed_s) / rate * 1e3 : most;
  return ms < most ? ms : most;
}

}  // namespace hakmem::learn
