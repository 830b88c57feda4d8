// Evidence: what is known of the idle times of one context, as sums.
//
//   idle time   up to 1 ms | ..1.41 ms | ..2 ms | ... | ..68 min | longer     two bins a doubling
//   reused      blocks, microseconds     waited for so long and were used again
//   unwatched   blocks, microseconds     the same, but that nobody did what was due for most of it
//   left        blocks, microseconds     had waited for so long when the process ended
//
// Each bin has the sum of its times, so its mean is exact. All are sums of whole numbers: evidence
// of many processes merges by addition, in any order, and is billed at whatever price and costs
// are in force where it is used.
//
// Above: profile. Below: arms. No locks.
#pragma once

#include "learn/arms.hpp"

namespace hakmem::learn {

// The most there is, instead of a sum beyond it.
std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b);

struct IdleSum {
  std::uint64_t blocks = 0;
  std::uint64_t total_us = 0;

  void add(const IdleSum& other);
  bool operator==(const IdleSum&) const = default;
};

inline constexpr unsigned kBins = 46;

struct Evidence {
  IdleSum reused[kBins];
  IdleSum unwatched[kBins];
  IdleSum left[kBins];

  bool operator==(const Evidence&) const = default;
};

unsigned bin_of(std::uint64_t idle_us);

// The shortest idle time of a bin, in microseconds.
std::uint64_t bin_from_us(unsigned bin);

// Times above 2^40 us, 12 days, count as that.
std::uint64_t microseconds(double idle_s);

void add(IdleSum (&sums)[kBins], double idle_s);
void add_reuse(Evidence& into, double idle_s, const Unwatched& unwatched);
void add(Evidence& into, const Evidence& other);

std::uint64_t blocks_of(const Evidence& evidence);

// What every arm would have paid for all of it; `costs` are one block's. What was unwatched is taken to have
// been so from the start until just before its next use.
void evidence_bills(const BlockCosts& costs, const Evidence& evidence, Bills& into);

}  // namespace hakmem::learn
