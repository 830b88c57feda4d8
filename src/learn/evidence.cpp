// See evidence.hpp.
#include "learn/evidence.hpp"

#include "base/bits.hpp"

namespace hakmem::learn {
namespace {

constexpr unsigned kFirstLog2 = 10;  // 1.024 ms: shorter times are all in bin 0
constexpr std::uint64_t kMost_us = std::uint64_t{1} << 40;

// The middle of a doubling: root of two, in 1/1024.
constexpr std::uint64_t kRoot = 1448;

void add_bills(const BlockCosts& costs, const IdleSum& sum, bool reused, bool watched, Bills& into) {
  if (sum.blocks == 0) return;
  const auto blocks = static_cast<double>(sum.blocks);
  const double idle_s = static_cast<double>(sum.total_us) * 1e-6 / blocks;
  Bills one;
  arm_bills(costs, idle_s, reused, one, watched ? Unwatched{} : Unwatched{0, idle_s});
  for (std::size_t i = 0; i < kArms; ++i) into[i] += static_cast<float>(one[i] * blocks);
}

}  // namespace

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
  return a + b < a ? ~std::uint64_t{0} : a + b;
}

void IdleSum::add(const IdleSum& other) {
  blocks = saturated_sum(blocks, other.blocks);
  total_us = saturated_sum(total_us, other.total_us);
}

unsigned bin_of(std::uint64_t idle_us) {
  if (idle_us >> kFirstLog2 == 0) return 0;
  const unsigned doubling = log2_floor(idle_us);
  const bool upper = idle_us >= kRoot << (doubling - kFirstLog2);
  const unsigned bin = 1 + 2 * (doubling - kFirstLog2) + (upper ? 1 : 0);
  return bin < kBins ? bin : kBins - 1;
}

std::uint64_t bin_from_us(unsigned bin) {
  if (bin == 0) return 0;
  const unsigned doubling = (bin - 1) / 2;
  return (bin % 2 == 1 ? std::uint64_t{1} << kFirstLog2 : kRoot) << doubling;
}

std::uint64_t microseconds(double idle_s) {
  const double us = idle_s * 1e6;
  return us >= static_cast<double>(kMost_us) ? kMost_us
         : us > 0                            ? static_cast<std::uint64_t>(us)
                                             : 0;
}

void add(IdleSum (&sums)[kBins], double idle_s) {
  const std::uint64_t us = microseconds(idle_s);
  sums[bin_of(us)].add({1, us});
}

void add_reuse(Evidence& into, double idle_s, const Unwatched& unwatched) {
  const double end_s = unwatched.to_s < idle_s ? unwatched.to_s : idle_s;
  const bool from_the_start = 8 * unwatched.from_s < idle_s;  // what arms do before is what they cost
  add(from_the_start && 2 * (end_s - unwatched.from_s) > idle_s ? into.unwatched : into.reused, idle_s);
}

void add(Evidence& into, const Evidence& other) {
  if (blocks_of(other) == 0) return;  // leaves pages untouched
  for (unsigned i = 0; i < kBins; ++i) {
    into.reused[i].add(other.reused[i]);
    into.unwatched[i].add(other.unwatched[i]);
    into.left[i].add(other.left[i]);
  }
}

std::uint64_t blocks_of(const Evidence& evidence) {
  std::uint64_t blocks = 0;
  for (unsigned i = 0; i < kBins; ++i)
    blocks += evidence.reused[i].blocks + evidence.unwatched[i].blocks + evidence.left[i].blocks;
  return blocks;
}

void evidence_bills(const BlockCosts& costs, const Evidence& evidence, Bills& into) {
  into = {};
  for (unsigned i = 0; i < kBins; ++i) {
    add_bills(costs, evidence.reused[i], true, true, into);
    add_bills(costs, evidence.unwatched[i], true, false, into);
    add_bills(costs, evidence.left[i], false, true, into);
  }
}

}  // namespace hakmem::learn
