// Hill climber: coordinate ascent over a few numeric knobs, one at a time, scored by the bill.
//
//   settled --the bill has changed--> trial of knob k, one level up or down
//                                       intervals alternate: before, after, after, before, ...
//      told apart, cheaper:   the level stays, next trial goes on in that direction
//      told apart, dearer     } the level goes back, next direction, next knob
//      not told apart in time }
//   every knob tried both ways without gain --> settled
//
// A trial is judged by pairs of neighbouring intervals, so that a drift of the load is in both; the
// alternating order takes out a steady drift too. Two bills are told apart when the mean difference
// exceeds kSure standard errors; a change must also promise kLeastGain. When it cannot tell, the
// old level stays: hysteresis. At most one level changes an interval.
//
// Pure: bills in, levels out. Above: thread/tuner. Below: base. One thread at a time.
#pragma once

#include <cstdint>

namespace hakmem::learn {

class HillClimber {
 public:
  static constexpr unsigned kMostKnobs = 8;
  static constexpr double kLeastGain = 0.01;
  static constexpr double kSure = 3;
  static constexpr unsigned kLeastPairs = 4;
  static constexpr unsigned kMostPairs = 12;

  // A settled climber starts again when kOddBills bills in a row are off by kOddShare.
  static constexpr double kOddShare = 0.3;
  static constexpr unsigned kOddBills = 8;

  struct Knob {
    int least;
    int most;
    int level;
  };

  enum class Step : std::uint8_t {
    kNone,       // nothing happened
    kSwitched,   // a level differs for the next interval, for comparison
    kKept,       // a trial ended: the new level is cheaper
    kDearer,     // ... it is dearer, the old one is back
    kNoTelling,  // ... no difference could be told, the old one is back
    kSettled,    // nothing more to try
    kWoke,       // the bill has changed: trying again
  };

  HillClimber(const Knob* knobs, unsigned count);

  // `bill`: of the interval that has ended under the levels in force, for each unit of work.
  Step observe(double bill);

  int level(unsigned knob) const { return knobs_[knob].level; }
  bool is_settled() const { return settled_; }

  // Of the trial that runs or has just ended: which knob, and the mean difference of the bill.
  unsigned trial_knob() const { return trial_.knob; }
  double difference() const { return trial_.mean; }

 private:
  struct Trial {
    unsigned knob = 0;
    int direction = 1;
    unsigned interval = 0;  // of the pair sequence before, after, after, before, ...
    unsigned pairs = 0;
    double first_bill = 0;
    double mean = 0;
    double squares = 0;  // sum of squared differences from the mean
  };

  bool trial_is_up() const { return trial_.interval % 4 == 1 || trial_.interval % 4 == 2; }
  bool can_move() const;
  void begin(unsigned knob, int direction);
  void add_pair(double before, double after);
  Step judge();
  Step give_up(Step why);
  Step watch(double bill);

  Knob knobs_[kMostKnobs] = {};
  unsigned count_;
  Trial trial_;
  unsigned fruitless_ = 0;  // trials in a row that gained nothing
  bool settled_ = false;
  double usual_bill_ = 0;  // while settled
  unsigned odd_bills_ = 0;
};

}  // namespace hakmem::learn
