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

// Whatever a byte is, it stays: of a block that has grown, the program may have written to some. Under a hypervisor the first
// touch costs something even where the kernel has made all resident.
void touch(std::byte* start, std::size_t bytes) {
  os::memory.populate(start, bytes);
  for (std::size_t at = 0; at < bytes; at += os::memory.page_size) {
    volatile std::byte* const page = start + at;
    *page = *page;
  }
}

// Of CPU, which is what the bill counts: not the time that others had meanwhile.
double cpu_seconds_to_touch(std::byte* start, std::size_t bytes) {
  const std::uint64_t begin = os::thread_cpu_ns();
  touch(start, bytes);
  return static_cast<double>(os::thread_cpu_ns() - begin) * 1e-9;
}

// What collapsing may still take; below 0 when the last one took longer. Whether there is something left to
// look at: it may be too late by one step, which is then taken at the next question.
constinit Atomic<std::int64_t> allowance_ns{0};
constinit Atomic<bool> collapsing{false};
constinit Atomic<bool> anew{false};
constinit Atomic<std::uint64_t> collapsed_blocks{0};  // units of huge blocks

double price() { return price_near_limit(price_of_memory); }

// The heap has grown by `bytes` that have huge pages.
void allow_collapsing(std::size_t bytes) {
  const double s = learn::collapse_allowance_s({1, process_age_s()}, known_costs(), price(), static_cast<double>(bytes));
  allowance_ns.fetch_add_relaxed(static_cast<std::int64_t>(s * 1e9));
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
  if (needs_advice(false)) return false;
  bool collapsed = false;
  const bool more = collapse_next_of_huge(&collapsed);
  if (collapsed) collapsed_blocks.fetch_add_relaxed(1);
  return more;
}

bool ask(double touched_share) {
  measure_small_pages_once();
  if (huge_pages_pay(touched_share)) return true;
  know_huge_fault(learn::huge_fault_forgotten(known_costs()));
  return false;
}

// The region's lowest addresses are used first, so that the page is one that the program would have touched
// in a moment. Where the kernel has no huge page to give, this takes what small pages take.
bool touch_first(std::byte* first_unit, std::size_t bytes) {
  const double seconds = cpu_seconds_to_touch(first_unit, kHugePageBytes);
  know_huge_fault(learn::huge_fault_after(known_costs(), seconds));
  if (!huge_pages_pay(1)) return false;
  allow_collapsing(bytes);
  return true;
}

constexpr HugeChoice kChoice{ask, touch_first, collapse_what_is_paid};

}  // namespace

bool huge_pages_pay(double touched_share) {
  return learn::asks_for_huge({touched_share, process_age_s()}, known_costs(), price());
}

bool get_huge_pages(std::byte* start, std::size_t bytes) {
  if (!acts || commitment.hard() != SIZE_MAX || !ask(1)) return false;
  if (!ask_for_huge_pages(start, bytes, true)) return false;
  if (touch_first(start, bytes)) return true;
  if (bytes > kHugePageBytes) os::memory.advise_huge(start + kHugePageBytes, bytes - kHugePageBytes, false);
  return false;
}

void boot_huge_choice(double price) {
  price_of_memory = price;
  acts = settings.huge_pages == HugePagePolicy::kAuto;
  live_knobs.huge_hold_ms =
      static_cast<std::uint32_t>(learn::hold_before_breaking_ms(known_costs(), price, kMostHoldMs));
  run_store.set_huge_choice(&kChoice);
}

bool is_collapsing() { return collapsing.load_relaxed() && allowance_ns.load_relaxed() > 0; }

void collapse_what_is_paid() {
  if (!is_collapsing()) return;
  const std::uint64_t begin = os::now_ns();
  if (!collapse_next()) collapsing.store_relaxed(false);
  allowance_ns.fetch_sub_relaxed(static_cast<std::int64_t>(os::now_ns() - begin));
}

std::size_t collapsed_bytes() {
  return run_store.unit_use().collapsed_bytes + collapsed_blocks.load_relaxed() * kHugePageBytes;
}

}  // namespace hakmem
