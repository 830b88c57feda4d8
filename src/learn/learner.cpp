// See learner.hpp.
#include "learn/learner.hpp"

namespace hakmem::learn {

ContextId Learner::context_of(unsigned size_class, std::size_t position, Site site) {
  bool is_new = false;
  const unsigned depth = depth_of(position);
  const unsigned group = sites_.group_of(size_class, site);
  const ContextId context = table_.find({size_class, depth, group}, is_new);
  if (is_new) {
    SelectorState& state = state_[index_of(context)];
    const BlockCosts costs = costs_of(model_, price_, large_class_bytes(size_class));
    start(choice_, costs, positions_at(depth), state);
    arm_[index_of(context)].store_relaxed(static_cast<std::uint8_t>(state.arm));
  }
  return context;
}

void Learner::observe(ContextId context, std::size_t bytes, double idle_s) {
  SelectorState& state = state_[index_of(context)];
  Bills bills;
  arm_bills(costs_of(model_, price_, bytes), idle_s, true, bills);
  regret_.add(bills, state.arm);
  regret_of_[index_of(context)].add(bills, state.arm);
  learn(choice_, bills, state);
}

void Learner::observe_idle(ContextId context, std::size_t bytes, double idle_s, float blocks) {
  // Billed as if it were reused now: its next use is still to come, and arms that have released it
  // will pay for that.
  Bills bills;
  arm_bills(costs_of(model_, price_, bytes), idle_s, true, bills);
  learn_open(choice_, bills, blocks, state_[index_of(context)]);
}

bool Learner::decide(double now_s) {
  bool changed = false;
  for (std::size_t i = 0; i < table_.used(); ++i) {
    if (!learn::decide(choice_, now_s, state_[i])) continue;
    arm_[i].store_relaxed(static_cast<std::uint8_t>(state_[i].arm));
    changed = true;
  }
  return changed;
}

}  // namespace hakmem::learn
