#include "large/learning.hpp"

#include <new>

#include "os/clock.hpp"
#include "os/place.hpp"

namespace hakmem {

constinit Learning learning;

namespace {

// The learner has no constant initial state; its memory is touched as contexts appear.
alignas(learn::Learner) std::byte learner_memory[sizeof(learn::Learner)];

}  // namespace

void Learning::boot(const learn::SelectorChoice& choice) {
  selector_ = choice;
  rule_ = learn::StackRule(choice.kind);
  price_ = settings.price;
  started_ms_ = os::now_ms();
  static_arm_.gone_at = static_cast<float>(settings.purge_delay_ms) * 1e-3f;
  learner_ = new (learner_memory) learn::Learner(costs_, price_, choice);
}

learn::ContextId Learning::context_of(unsigned size_class, std::size_t position, learn::Site site,
                                      std::uint64_t now_ms) {
  learner_->pass_time(age_s(now_ms));
  const learn::ContextId context =
      learner_->context_of(size_class, position, site, index_of(os::places.current_node()));
  class_[index_of(context)] = static_cast<std::uint8_t>(size_class);
  return context;
}

// Of the process.
double Learning::age_s(std::uint64_t now_ms) const {
  return now_ms < started_ms_ ? 0 : static_cast<double>(now_ms - started_ms_) * 1e-3;
}

const learn::Arm& Learning::arm_of(learn::ContextId context) const {
  return acts() ? learn::arm_of(learner_->arm_of(context)) : static_arm_;
}

void Learning::note_reuse(unsigned size_class, learn::ContextId context, learn::Site site, std::uint64_t idle_ms) {
  note_reuses(size_class, context, site, 1, idle_ms);
}

void Learning::note_reuses(unsigned size_class, learn::ContextId context, learn::Site site, std::uint32_t count,
                           std::uint64_t idle_ms) {
  const std::size_t i = index_of(context);
  const bool is_first = reuses_[i] == 0;
  learner_->note_reused(context);
  reuses_[i] += count;
  if (!observes() || count == 0) return;
  if (idle_ms == 0) {
    if (is_first) {  // told at once, since it ends the first guess
      score(size_class, context, site, idle_ms);
      --count;
    }
    at_once_site_[i] = site;
    const std::uint32_t more = at_once_[i] + count;
    at_once_[i] = static_cast<std::uint16_t>(more < kMostAtOnce ? more : kMostAtOnce);
    return;
  }
  for (; count != 0 && scored_ < kMostScored; --count) score(size_class, context, site, idle_ms);
}

void Learning::score(unsigned size_class, learn::ContextId context, learn::Site site, std::uint64_t idle_ms) {
  ++scored_;
  const os::Stopwatch stopwatch(spent_ns_, os::now_ns);
  const double idle_s = idle_ms == 0 ? kAtOnce_s : static_cast<double>(idle_ms) * 1e-3;
  learner_->observe(context, learn::large_class_bytes(size_class), idle_s);
  learner_->observe_site(size_class, site, idle_s);
}

void Learning::note_idle(unsigned size_class, learn::ContextId context, std::uint64_t idle_ms,
                         float blocks) {
  if (!observes()) return;
  learner_->observe_idle(context, learn::large_class_bytes(size_class),
                         static_cast<double>(idle_ms) * 1e-3, blocks);
}

void Learning::tell_reuses_at_once() {
  for (std::size_t i = 0; i < learner_->contexts(); ++i) {
    const auto context = static_cast<learn::ContextId>(i);
    if (at_once_[i] == 0) continue;
    for (; at_once_[i] != 0; --at_once_[i]) {
      learner_->observe(context, learn::large_class_bytes(class_[i]), kAtOnce_s);
    }
    learner_->observe_site(class_[i], at_once_site_[i], kAtOnce_s);
  }
}

void Learning::decide(std::uint64_t now_ms) {
  scored_ = 0;
  if (!observes()) return;
  tell_reuses_at_once();
  learner_->decide(age_s(now_ms));
}

void Learning::set_costs(const learn::CostModel& costs) {
  costs_ = costs;
  learner_->set_costs(costs);
}

void Learning::set_price(double price) {
  price_ = price;
  learner_->set_price(price);
}

}  // namespace hakmem
