// Page bounds: what is held, what is faulted in again, and that neither trying all nor the clairvoyant finds less.
#include "page_bound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/units.hpp"
#include "large_history_fixture.hpp"
#include "policies.hpp"
#include "trace_generate.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kPages = 16;

Event event(std::uint64_t second, std::uint64_t block, std::uint64_t pages, Op op) {
  return {second * kSecond, block, pages * 4096, 0, 7, op};
}

double gib(std::uint64_t pages) { return static_cast<double>(pages) * 4096.0 / static_cast<double>(kGiB); }

// Two blocks one after the other, of other lengths, with a pause of 10 s between them.
LargeHistory one_pause() {
  return history_of({event(0, 1, kPages, Op::kAllocate), event(5, 1, 0, Op::kFree), event(15, 2, 2 * kPages, Op::kAllocate)}, 20);
}

// What a page costs that is held for so long.
double price_for(double seconds, const learn::CostModel& costs) { return costs.fault_s / (gib(1) * seconds); }

TEST(PageBound, HoldsWhatCostsLessThanItsFaults) {
  Pricing pricing;
  pricing.price = price_for(11, pricing.costs);
  const PageBound bound = page_bound(one_pause(), pricing);
  EXPECT_EQ(bound.faults, 2 * kPages) << "the first block's pages serve the second";
  EXPECT_NEAR(bound.live_gib_s, gib(kPages) * 5 + gib(2 * kPages) * 5, 1e-12);
  EXPECT_NEAR(bound.idle_gib_s, gib(kPages) * 10, 1e-12);
}

TEST(PageBound, FaultsInWhatCostsMore) {
  Pricing pricing;
  pricing.price = price_for(9, pricing.costs);
  const PageBound bound = page_bound(one_pause(), pricing);
  EXPECT_EQ(bound.faults, 3 * kPages);
  EXPECT_EQ(bound.idle_gib_s, 0);
}

// Of two idle times that end together the shorter is of the pages left last.
TEST(PageBound, TakesWhatWasLeftLast) {
  const LargeHistory history =
      history_of({event(0, 1, kPages, Op::kAllocate), event(0, 2, kPages, Op::kAllocate), event(1, 1, 0, Op::kFree),
                  event(10, 2, 0, Op::kFree), event(12, 3, kPages, Op::kAllocate)},
                 13);
  ASSERT_EQ(history.page_spans.size(), 1u);
  EXPECT_EQ(history.page_spans[0].freed_ns, 10 * kSecond);
  EXPECT_EQ(history.peak_pages, 2 * kPages);
}

TEST(PageBound, ABlockThatIsResizedTakesAndLeavesItsDifference) {
  const LargeHistory history =
      history_of({event(0, 1, 4 * kPages, Op::kAllocate), event(1, 1, kPages, Op::kResize), event(3, 1, 3 * kPages, Op::kResize),
                  event(4, 1, 1, Op::kResize), event(5, 1, 0, Op::kFree)},
                 6);
  ASSERT_EQ(history.page_spans.size(), 1u);
  EXPECT_EQ(history.page_spans[0].pages, 2 * kPages);
  EXPECT_EQ(history.peak_pages, 4 * kPages);
  EXPECT_NEAR(history.live_page_gib_s, gib(kPages) * (4 + 2 + 3), 1e-12) << "a small block is not counted";
}

// By trying all that could be resident in each second: the least of holding and faults.
double least_by_trying(const std::vector<std::uint64_t>& live, std::uint64_t most, const Pricing& pricing) {
  std::vector<double> cost(most + 1, 1e9);
  cost[0] = 0;
  for (const std::uint64_t pages : live) {
    std::vector<double> next(most + 1, 1e9);
    for (std::uint64_t to = pages; to <= most; ++to) {
      for (std::uint64_t from = 0; from <= most; ++from) {
        const double faults = to > from ? static_cast<double>(to - from) * pricing.costs.fault_s : 0;
        next[to] = std::min(next[to], cost[from] + faults + pricing.price * gib(to));
      }
    }
    cost = next;
  }
  return *std::min_element(cost.begin(), cost.end());
}

TEST(PageBound, IsWhatTryingAllFinds) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Event> events;
    std::vector<std::uint64_t> live;
    for (std::uint64_t second = 0; second < 24; ++second) {
      live.push_back(random() % 3 == 0 ? 0 : 9 + random() % 12);  // more than is small
      events.push_back(event(second, 1, live.back(), second == 0 ? Op::kAllocate : Op::kResize));
    }
    Pricing pricing;
    pricing.price = price_for(1 + static_cast<double>(random() % 8), pricing.costs);
    const PageBound bound = page_bound(history_of(events, 24), pricing);
    const double bill = pricing.costs.fault_s * static_cast<double>(bound.faults) + pricing.price * (bound.live_gib_s + bound.idle_gib_s);
    EXPECT_NEAR(bill, least_by_trying(live, 20, pricing), 1e-9 * bill) << round;
  }
}

// Policies keep blocks by class and know less, so none is below it.
TEST(PageBound, IsBelowTheClairvoyant) {
  for (const GeneratedTrace& one : generated_traces()) {
    if (one.keeps_pauses) continue;
    const LargeHistory history = large_history_of(generate_trace(one.name, 1, true));
    Pricing pricing;
    const PageBound bound = page_bound(history, pricing);
    const double again = pricing.costs.fault_s * static_cast<double>(bound.faults - history.peak_pages);
    EXPECT_LE(pricing.price * bound.idle_gib_s + again, run_clairvoyant(history, pricing).bill_s() * 1.0001) << one.name;
    EXPECT_LE(bound.live_gib_s, history.live_gib_s * 1.0001) << one.name;
  }
}

}  // namespace
}  // namespace hakmem::cli
