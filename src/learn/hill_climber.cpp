#include "learn/hill_climber.hpp"

namespace hakmem::learn {

namespace {

// One wild interval must not decide a trial.
constexpr double kMostDifference = 1;

constexpr double clamp(double value) {
  return value > kMostDifference    ? kMostDifference
         : value < -kMostDifference ? -kMostDifference
                                    : value;
}

}  // namespace

HillClimber::HillClimber(const Knob* knobs, unsigned count) : count_(count) {
  for (unsigned i = 0; i < count; ++i) knobs_[i] = knobs[i];
  begin(0, 1);
  if (!can_move()) give_up(Step::kNone);
}

bool HillClimber::can_move() const {
  const Knob& knob = knobs_[trial_.knob];
  return trial_.direction > 0 ? knob.level < knob.most : knob.level > knob.least;
}

void HillClimber::begin(unsigned knob, int direction) {
  trial_ = {};
  trial_.knob = knob;
  trial_.direction = direction;
}

// Welford's running mean and variance (Technometrics 4, 1962).
void HillClimber::add_pair(double before, double after) {
  const double mean = (before + after) / 2;
  const double difference = mean > 0 ? clamp((after - before) / mean) : 0;
  ++trial_.pairs;
  const double off = difference - trial_.mean;
  trial_.mean += off / trial_.pairs;
  trial_.squares += off * (difference - trial_.mean);
}

HillClimber::Step HillClimber::judge() {
  if (trial_.pairs < kLeastPairs) return Step::kSwitched;
  const double n = trial_.pairs;
  // |mean| > kSure x standard error, without a root.
  const bool told = trial_.mean * trial_.mean > kSure * kSure * trial_.squares / (n * (n - 1));
  if (told && trial_.mean < -kLeastGain) {
    knobs_[trial_.knob].level += trial_.direction;
    fruitless_ = 0;
    const Trial done = trial_;
    begin(done.knob, done.direction);
    trial_.mean = done.mean;
    if (!can_move()) give_up(Step::kKept);
    return Step::kKept;
  }
  if (told && trial_.mean > kLeastGain) return give_up(Step::kDearer);
  return trial_.pairs < kMostPairs ? Step::kSwitched : give_up(Step::kNoTelling);
}

// The next direction, or knob, that can move; settles when all have been tried for nothing.
HillClimber::Step HillClimber::give_up(Step why) {
  const double mean = trial_.mean;
  const unsigned tried = trial_.knob;
  do {
    if (++fruitless_ >= 2 * count_) {
      settled_ = true;
      usual_bill_ = 0;
      odd_bills_ = 0;
      break;
    }
    const bool up = trial_.direction > 0;
    begin(up ? trial_.knob : (trial_.knob + 1) % count_, up ? -1 : 1);
  } while (!can_move());
  if (settled_) trial_.knob = tried;
  trial_.mean = mean;
  return settled_ ? Step::kSettled : why;
}

HillClimber::Step HillClimber::watch(double bill) {
  if (usual_bill_ == 0) usual_bill_ = bill;
  const bool odd = bill > usual_bill_ * (1 + kOddShare) || bill < usual_bill_ / (1 + kOddShare);
  if (!odd) usual_bill_ += (bill - usual_bill_) / 16;
  odd_bills_ = odd ? odd_bills_ + 1 : 0;
  if (odd_bills_ < kOddBills) return Step::kNone;
  settled_ = false;
  fruitless_ = 0;
  begin(0, 1);
  if (!can_move()) give_up(Step::kNone);
  return Step::kWoke;
}

HillClimber::Step HillClimber::observe(double bill) {
  if (settled_) return watch(bill);
  if (trial_.interval == 0) trial_.mean = 0;
  const bool was_up = trial_is_up();
  const bool pair_ends = trial_.interval % 2 == 1;
  if (pair_ends) {
    add_pair(was_up ? trial_.first_bill : bill, was_up ? bill : trial_.first_bill);
  } else {
    trial_.first_bill = bill;
  }
  if (was_up) knobs_[trial_.knob].level -= trial_.direction;  // judged at the old level
  if (pair_ends) {
    if (const Step step = judge(); step != Step::kSwitched) return step;
  }
  ++trial_.interval;
  if (trial_is_up()) knobs_[trial_.knob].level += trial_.direction;
  return was_up == trial_is_up() ? Step::kNone : Step::kSwitched;
}

}  // namespace hakmem::learn
