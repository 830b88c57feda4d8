// See learner.hpp.
#include "learn/learner.hpp"

namespace hakmem::learn {

namespace {

constexpr double kLog2OfMillion = 19.931568;

bool has_doubled(std::uint32_t before, std::uint32_t now) {
  return before == 0 || log2_floor(now) != log2_floor(before);
}

}  // namespace

ContextId Learner::context_of(unsigned size_class, std::size_t position, Site site, unsigned node) {
  const ContextId context = make(key_of(size_class, position, site, node));
  note_freed(context, 1);
  return context;
}

ContextId Learner::make(const Context& key) {
  ContextId context{};
  if (table_.find(key, context)) return context;
  return table_.add(key, [&](ContextId id) { start_context(id, key); });
}

void Learner::note_freed(ContextId context, std::uint32_t blocks) {
  SelectorState& state = state_[index_of(context)];
  const std::uint32_t before = state.turnover.freed;
  state.turnover.note_freed(blocks);
  if (state.rounds != 0) return;
  first_.note_freed(blocks);
  // Guesses change with what else is freed: looked at again each time the context has doubled.
  if (is_guess(choice_, state) && has_doubled(before, state.turnover.freed)) decide_one(index_of(context));
}

void Learner::publish_rounds(std::size_t i) {
  rounds_[i].store_relaxed(static_cast<std::uint8_t>(state_[i].rounds < 2 ? state_[i].rounds : 2));
}

void Learner::start_context(ContextId id, const Context& context) {
  SelectorState& state = state_[index_of(id)];
  const BlockCosts costs = costs_of(model_, price_, large_class_bytes(context.size_class));
  start(choice_, costs, positions_at(context.depth), state);
  const std::uint64_t blocks = before_ == nullptr ? 0 : blocks_of(before_->of(context));
  if (blocks != 0) {
    Bills bills;
    evidence_bills(costs, before_->of(context), bills);
    learn::start_from(choice_, bills, static_cast<double>(blocks), state);
  }
  context_[index_of(id)] = context;
  arm_[index_of(id)].store_relaxed(static_cast<std::uint8_t>(state.arm));
  publish_rounds(index_of(id));
}

void Learner::note_reused(ContextId context, std::uint32_t blocks) {
  SelectorState& state = state_[index_of(context)];
  if (state.rounds != 0) return state.turnover.note_reused(blocks);
  first_.note_reused(blocks);
  state.turnover.note_reused(blocks * expected_with_first(context_[index_of(context)].depth));
}

bool Learner::decide_one(std::size_t i) {
  if (!learn::decide(choice_, now_s_, pooled_share(first_), state_[i])) return false;
  arm_[i].store_relaxed(static_cast<std::uint8_t>(state_[i].arm));
  return true;
}

void Learner::start_from(const Profile& before) {
  before_ = &before;
  for (std::size_t i = 0; i < before.site_count; ++i) {
    const ProfileSite& one = before.sites[i];
    const double mean_us =
        static_cast<double>(one.log2_sum) / (256 * static_cast<double>(one.blocks));
    sites_.remember(one.size_class, one.site, static_cast<float>(mean_us - kLog2OfMillion),
                    one.blocks);
  }
  sites_.divide_all();
}

void Learner::observe_site(unsigned size_class, Site site, double idle_s) {
  sites_.observe(size_class, site, idle_s, last_bills_, last_arm_);
  if (record_ != nullptr) add_site(*record_, site, size_class, idle_s);
}

void Learner::observe(ContextId context, std::size_t bytes, double idle_s, const Unwatched& unwatched) {
  SelectorState& state = state_[index_of(context)];
  Bills& bills = last_bills_;
  arm_bills(costs_of(model_, price_, bytes), idle_s, true, bills, unwatched);
  last_arm_ = state.arm;
  regret_.add(bills, state.arm);
  regret_of_[index_of(context)].add(bills, state.arm);
  learn(choice_, bills, state);
  publish_rounds(index_of(context));
  if (is_guess(choice_, state)) decide_one(index_of(context));
  if (record_ != nullptr) add_reuse(record_->of(context_[index_of(context)]), idle_s, unwatched);
}

void Learner::observe_idle(ContextId context, std::size_t bytes, double idle_s, float blocks, const Unwatched& unwatched) {
  // Billed as if it were reused now: its next use is still to come, and arms that have released it
  // will pay for that.
  Bills bills;
  arm_bills(costs_of(model_, price_, bytes), idle_s, true, bills, unwatched);
  learn_open(choice_, bills, blocks, state_[index_of(context)]);
}

bool Learner::decide(double now_s) {
  bool changed = false;
  now_s_ = now_s;
  for (std::size_t i = 0; i < table_.used(); ++i) {
    if (decide_one(i)) changed = true;
  }
  return changed;
}

}  // namespace hakmem::learn
