// See first_guess.hpp.
#include "learn/first_guess.hpp"

namespace hakmem::learn {
namespace {

constexpr float kMostRegret = 10;
constexpr float kLeastShareOfGivingBack = 1.0f / 16;  // 0.03 to 0.12 make no difference

// Enough for any share; halving keeps what is recent ahead.
constexpr std::uint32_t kMostFreed = 1 << 20;

}  // namespace

void Turnover::note_freed(std::uint32_t blocks) {
  for (freed += blocks; freed >= kMostFreed; reused /= 2) freed /= 2;
}

GuessTimes guess_times(const BlockCosts& costs) {
  const double rate = costs.hold_rate > 0 ? costs.hold_rate : 1 / BlockCosts::kForever;
  return {static_cast<float>(costs.break_even_s()), static_cast<float>(costs.dontneed_s / rate)};
}

float pooled_share(const Turnover& first) { return share_used_again(first, 1); }

float share_used_again(const Turnover& own, float pooled) {
  return (static_cast<float>(own.reused) + pooled) / (static_cast<float>(own.freed) + 1);
}

float guess_hold_s(const GuessTimes& times, float share, double age_s) {
  if (age_s < static_cast<double>(times.giving_back_s)) return times.break_even_s;
  const float hold_s = share * (1 + share) / 2 * times.break_even_s;
  const float least_s = kLeastShareOfGivingBack * times.giving_back_s;
  return hold_s > least_s ? hold_s : least_s;
}

float regret_in_doubt(const Arm& arm, float hold_s) {
  const float held_s = arm.gone_at;
  if (arm.lazy_at != kNever || held_s == kNever || held_s <= 0) return kMostRegret;
  const float least = held_s < hold_s ? held_s : hold_s;
  const float regret = (held_s + hold_s) / least - 2;
  return regret < kMostRegret ? regret : kMostRegret;
}

}  // namespace hakmem::learn
