#include "thread/huge_choice.hpp"

#include "config/live_knobs.hpp"
#include "learn/huge_arms.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/run_store.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"
#include "thread/price.hpp"

namespace hakmem {

namespace {

// A part of a huge page waits for this at most, whatever memory costs: what is freed is to be gone within
// three seconds (tests/memory/held_memory_test.cpp).
constexpr double kMostHoldMs = 2'000;

// Written at boot.
constinit double price_of_memory = 0;
constinit bool acts = false;

// What collapsing may have in hand: some forty units.
constexpr std::int64_t kMostAllowance_ns = 20'000'000;

// As resident_bytes() last saw them.
constinit Atomic<std::size_t> peak_bytes{0};
constinit Atomic<std::size_t> other_bytes{0};
constinit std::size_t inherited_peak_bytes = 0;  // written at boot

// Whatever the byte is, it stays: of a block that has grown, the program may have written to some. (Reading first, where nothing is
// resident, would get a page of zeros, which is none to keep.) Under a hypervisor the first touch costs something even
// where the kernel has made the page resident.
void touch(std::byte* byte) {
  os::memory.populate(byte, os::memory.page_size);
  volatile std::byte* const page = byte;
  *page = *page;
}

void write_zero(std::byte* byte) { *static_cast<volatile std::byte*>(byte) = std::byte{0}; }

// Of CPU, which is what the bill counts: not the time that others had meanwhile.
template <typename Work>
double cpu_seconds(Work work) {
  const std::uint64_t begin = os::thread_cpu_ns();
  work();
  return static_cast<double>(os::thread_cpu_ns() - begin) * 1e-9;
}

bool is_whole(const std::byte* unit) {
  return os::resident_pages(unit, kHugePageBytes) * os::memory.page_size == kHugePageBytes;
}

// What collapsing may still take; below 0 when the last one took longer. Whether there is something left to
// look at: it may be too late by one step, which is then taken at the next question.
constinit Atomic<std::int64_t> allowance_ns{0};
constinit Atomic<bool> collapsing{false};
constinit Atomic<bool> anew{false};
constinit Atomic<std::uint64_t> collapsed_blocks{0};  // units of huge blocks

double price() { return price_near_limit(price_of_memory); }

// The heap grows by memory that asks: what it has on small pages is looked at once more.
void begin_collapsing() {
  anew.store_relaxed(true);
  collapsing.store_relaxed(true);
}

// Under system policy always the kernel would have to be told of each unit of a block: left alone.
bool collapse_next() {
  bool is_new = true;
  if (anew.load_relaxed() && anew.try_replace_relaxed(is_new, false)) {
    run_store.look_for_dense_again();
    look_for_dense_huge_again();
  }
  if (run_store.collapse_next()) return true;
  if (system_gives_huge_pages()) return false;
  bool collapsed = false;
  const bool more = collapse_next_of_huge(&collapsed);
  if (collapsed) collapsed_blocks.fetch_add_relaxed(1);
  return more;
}

// What huge faults have cost more than small pages, and nothing has paid for yet.
constinit Atomic<double> debt_s{0};

bool owes_nothing() { return debt_s.load_relaxed() <= 0; }

template <typename Change>
double change_debt(Change change) {
  double before = debt_s.load_relaxed();
  for (;;) {
    const double after = change(before);
    if (debt_s.try_replace_relaxed(before, after)) return after;
  }
}

// So much is small because huge faults were dear: when that has paid for the dear ones, they are taken for usual again. Units
// that are begun and blocks' whole units count, each once; regions consist of them, and do not.
void refuse(std::size_t bytes) {
  const learn::CostModel costs = known_costs();
  const double left = change_debt([&](double debt) { return learn::debt_left(debt, costs, static_cast<double>(bytes)); });
  if (left <= 0) know_huge_fault(learn::CostModel{}.huge_fault_s);
}

// So much memory, that will be touched whole. Where it does not ask, it pays.
bool ask_or_pay(std::size_t bytes) {
  const bool pays = huge_pages_pay(1);
  if (!pays) refuse(bytes);
  return pays;
}

bool ask_for_region(double touched_share) {
  measure_small_pages_once();
  if (!huge_pages_pay(touched_share)) return false;
  begin_collapsing();
  return true;
}

// Or loses it, where the huge fault was dear.
void earn_allowance(double seconds) {
  const std::int64_t now = allowance_ns.load_relaxed() + static_cast<std::int64_t>(seconds * 1e9);
  const std::int64_t most = now < kMostAllowance_ns ? now : kMostAllowance_ns;
  allowance_ns.store_relaxed(most > -kMostAllowance_ns ? most : -kMostAllowance_ns);
}

// A unit's first touch. Whether it is a huge page: where the kernel has none to give, asking has taken what it took, and
// the small faults are still to come.
bool pay_for_unit(std::byte* unit) {
  const double seconds = cpu_seconds([unit] { touch(unit); });
  const double small_s = learn::kSmallPagesInHuge * known_costs().fault_s;
  const bool whole = is_whole(unit);
  const double all_s = whole ? seconds : seconds + small_s;
  change_debt([all_s](double debt) { return learn::debt_after(debt, known_costs(), all_s); });
  earn_allowance(learn::collapse_allowance_s(known_costs(), all_s));
  know_huge_fault(learn::huge_fault_after(known_costs(), all_s));
  return whole;
}

// Of the process, as far as it is known without opening a file, which a sandbox may punish: what is committed, and what else was
// there when the peak was last seen to rise; at most the peak, since what is committed need not be touched. 0 where the peak is
// still that of the program that has executed this one.
double resident_bytes() {
  const std::size_t committed = commitment.bytes();
  const std::size_t peak = os::peak_resident_bytes();
  if (peak > peak_bytes.load_relaxed()) {
    peak_bytes.store_relaxed(peak);
    other_bytes.store_relaxed(peak > committed ? peak - committed : 0);
  }
  if (peak <= inherited_peak_bytes) return 0;
  const std::size_t known = committed + other_bytes.load_relaxed();
  return static_cast<double>(known < peak ? known : peak);
}

// The nodes share what may be wasted. Of a region that has asked that has been settled.
bool ask_for_unit(const UnitBegun& begun) {
  if (begun.region_has_asked) return ask_or_pay(kHugePageBytes);
  const learn::UnitQuestion unit{resident_bytes() / os::places.nodes(), static_cast<double>(begun.huge_units),
                                 static_cast<double>(begun.unseen_units), begun.touched_share, process_age_s()};
  if (unit.touched_share < learn::kLeastTouchedOfUnit || !ask_or_pay(kHugePageBytes)) return false;
  return learn::asks_for_unit(unit, known_costs(), price());
}

// Of a large block, unit by unit, each of which the program would have touched; of a longer one the first. As soon as one is dear the
// rest is refused. Returns how much has been asked for.
std::size_t touch_block(std::byte* start, std::size_t bytes) {
  const std::size_t most = bytes <= knobs::kMostTouchedAhead ? bytes : kHugePageBytes;
  for (std::size_t done = kHugePageBytes;; done += kHugePageBytes) {
    pay_for_unit(start + done - kHugePageBytes);
    if (done == bytes || !ask_or_pay(bytes - done)) return done;
    if (done == most) return bytes;
  }
}

// All of it reads zero, and is the caller's. Of small pages the second, for which the kernel has its tables already.
bool touch_unit(std::byte* start, bool huge) {
  if (huge) return pay_for_unit(start);
  if (2 * os::memory.page_size > kGranuleBytes) return false;
  write_zero(start);
  know_fault(cpu_seconds([start] { write_zero(start + os::memory.page_size); }));
  return false;
}

// The system's mappings know nothing of units.
bool set_pages(const Run* run, std::byte* start, std::size_t bytes, bool huge) {
  if (run->is_huge()) {
    if (system_has_huge_pages()) os::memory.advise_huge(start, bytes, huge);
    return system_has_huge_pages();
  }
  return run_store.set_units(run, granule_of(start), Granules{bytes >> kGranuleShift}, huge);
}

constexpr HugeChoice kChoice{ask_for_region, ask_for_unit, touch_unit, collapse_what_is_paid};

}  // namespace

bool huge_pages_pay(double touched_share) {
  return owes_nothing() && learn::asks_for_huge({touched_share, process_age_s()}, known_costs(), price());
}

void pay_on_small_pages(std::size_t bytes) {
  if (acts && !owes_nothing()) refuse(bytes);
}

bool get_huge_pages(const Run* run, std::byte* start, std::size_t bytes) {
  if (!acts || commitment.hard() != SIZE_MAX) return false;
  measure_small_pages_once();
  if (!ask_or_pay(bytes) || !set_pages(run, start, bytes, true)) return false;
  const std::size_t asked = touch_block(start, bytes);
  if (asked != bytes) {
    set_pages(run, start + asked, bytes - asked, false);
    return false;
  }
  begin_collapsing();
  return true;
}

void boot_huge_choice(double price, bool dear_at_first) {
  price_of_memory = price;
  acts = settings.huge_pages == HugePagePolicy::kAuto;
  live_knobs.huge_hold_ms =
      static_cast<std::uint32_t>(learn::hold_before_breaking_ms(known_costs(), price, kMostHoldMs));
  allowance_ns.store_relaxed(0);
  debt_s.store_relaxed(dear_at_first ? learn::debt_after(0, known_costs(), learn::kHostFault_s) : 0);
  if (dear_at_first) know_huge_fault(learn::kHostFault_s);
  inherited_peak_bytes = os::peak_resident_bytes();
  peak_bytes.store_relaxed(inherited_peak_bytes);
  run_store.set_huge_choice(&kChoice);
}

bool is_collapsing() { return collapsing.load_relaxed() && allowance_ns.load_relaxed() > 0; }

void collapse_what_is_paid() {
  if (!is_collapsing()) return;
  const double seconds = cpu_seconds([] {
    if (!collapse_next()) collapsing.store_relaxed(false);
  });
  allowance_ns.fetch_sub_relaxed(static_cast<std::int64_t>(seconds * 1e9));
}

std::size_t collapsed_bytes() {
  return run_store.unit_use().collapsed_bytes + collapsed_blocks.load_relaxed() * kHugePageBytes;
}

}  // namespace hakmem
