#include "large/learning.hpp"

#include <new>

#include "os/clock.hpp"
#include "os/place.hpp"

namespace hakmem {

constinit Learning learning;

namespace {

// The learner has no constant initial state; its memory is touched as contexts appear.
alignas(learn::Learner) std::byte learner_memory[sizeof(learn::Learner)];

std::uint32_t saturated(std::uint64_t ms) { return ms < UINT32_MAX ? static_cast<std::uint32_t>(ms) : UINT32_MAX; }

}  // namespace

void Learning::boot(const learn::SelectorChoice& choice) {
  const LockGuard guard(lock_);
  selector_ = choice;
  if (choice.kind == learn::SelectorKind::kGlibc) threshold_ = learn::StackRule(choice.kind);  // two pages
  price_ = settings.price;
  started_ms_ = os::now_ms();
  static_arm_.gone_at = static_cast<float>(settings.purge_delay_ms) * 1e-3f;
  learner_ = new (learner_memory) learn::Learner(costs_, price_, choice);
}

learn::ContextId Learning::context_of(Notes& notes, unsigned size_class, std::size_t position, learn::Site site,
                                      std::uint64_t now_ms) {
  const learn::Context key = learner_->key_of(size_class, position, site, index_of(os::places.current_node()));
  learn::ContextId context{};
  if (!learner_->find(key, context)) {
    const LockGuard guard(lock_);
    context = learner_->make(key);
  }
  const bool has_doubled = observes() && notes.note_freed(context);
  if (has_doubled && learner_->is_unknown(context)) tell(notes, now_ms);
  return context;
}

void Learning::forget_counts_for_test() {
  const LockGuard guard(lock_);
  scored_.store_relaxed(0);
  for (std::size_t i = 0; i < learn::ContextTable::kSlots; ++i) at_once_[i] = 0, reuses_[i] = 0;
}

// Of the process.
double Learning::age_s(std::uint64_t now_ms) const {
  return now_ms < started_ms_ ? 0 : seconds(now_ms - started_ms_);
}

// What a profile knows is none, though it becomes more with the first reuse that is told.
bool Learning::is_guess(learn::ContextId context) const {
  if (settings.learn == Learn::kFrozen) return !learn::is_settled(selector_) && learner_->is_unknown(context);
  return acts() && learner_->rests_on_guess(context);
}

void Learning::note_reuses(Notes& notes, unsigned size_class, learn::ContextId context, learn::Site site, std::uint32_t count,
                           const IdleTime& idle, std::uint64_t now_ms) {
  notes.note_reused(context, count);
  if (!observes() || count == 0) return;
  const bool ends_guess = learner_->rests_on_guess(context);
  std::uint32_t one_by_one = idle.ms != 0 ? count : 0;
  if (idle.ms == 0) {
    if (ends_guess) one_by_one = 1;
    notes.note_at_once(context, site, count - one_by_one);
  }
  if (one_by_one != 0 && (ends_guess || scored_.load_relaxed() < kMostScored)) {
    const std::uint8_t times = static_cast<std::uint8_t>(one_by_one < UINT8_MAX ? one_by_one : UINT8_MAX);
    notes.add({site, saturated(idle.ms), saturated(idle.unwatched.from_ms), saturated(idle.unwatched.to_ms), context,
               static_cast<std::uint8_t>(size_class), times});
  }
  if (ends_guess || notes.is_full()) tell(notes, now_ms);
}

void Learning::tell(Notes& notes, std::uint64_t now_ms) {
  if (!notes.has_any()) return;
  const os::Stopwatch stopwatch(spent_ns_);
  const LockGuard guard(lock_);
  learner_->pass_time(age_s(now_ms));
  notes.hand_over(
      learner_->contexts(), [&](learn::ContextId context, Notes::Counts& counts) HAK_UNCHECKED { tell_counts_locked(context, counts); },
      [&](const Notes::Reuse& reuse) HAK_UNCHECKED { score_locked(reuse); });
}

void Learning::tell_counts_locked(learn::ContextId context, Notes::Counts& counts) {
  const std::size_t i = index_of(context);
  if (counts.freed != counts.told) learner_->note_freed(context, counts.freed - counts.told);
  counts.told = counts.freed;
  if (counts.reused == 0) return;
  if (observes()) learner_->note_reused(context, counts.reused);
  reuses_[i] += counts.uses;
  if (counts.at_once != 0) at_once_site_[i] = counts.at_once_site;
  const std::uint32_t at_once = at_once_[i] + counts.at_once;
  at_once_[i] = at_once < Notes::kMostAtOnce ? at_once : Notes::kMostAtOnce;
  counts.reused = counts.uses = counts.at_once = 0;
}

// What ends a guess is scored in any case.
void Learning::score_locked(const Notes::Reuse& reuse) {
  const double idle_s = reuse.idle_ms == 0 ? kAtOnce_s : seconds(reuse.idle_ms);
  const learn::Unwatched unwatched = unwatched_of(reuse.unwatched_from_ms, reuse.unwatched_to_ms);
  for (unsigned i = 0; i < reuse.count; ++i) {
    if (scored_.load_relaxed() >= kMostScored && !learner_->rests_on_guess(reuse.context)) return;
    scored_.store_relaxed(scored_.load_relaxed() + 1);
    learner_->observe(reuse.context, learn::large_class_bytes(reuse.size_class), idle_s, unwatched);
    learner_->observe_site(reuse.size_class, reuse.site, idle_s);
  }
}

void Learning::tell_reuses_at_once_locked() {
  for (std::size_t i = 0; i < learner_->contexts(); ++i) {
    if (at_once_[i] == 0) continue;
    const auto context = static_cast<learn::ContextId>(i);
    const unsigned size_class = learner_->context(context).size_class;
    for (; at_once_[i] != 0; --at_once_[i]) learner_->observe(context, learn::large_class_bytes(size_class), kAtOnce_s);
    learner_->observe_site(size_class, at_once_site_[i], kAtOnce_s);
  }
}

std::size_t Learning::unneeded(Notes& notes, unsigned size_class, std::size_t count) {
  if (!acts() || !learn::is_stack_rule(selector_)) return 0;
  if (notes.rule.kind() != selector_.kind) notes.rule = learn::StackRule(selector_.kind);
  return notes.rule.unneeded(size_class, count);
}

void Learning::decide(std::uint64_t now_ms, double price) {
  const LockGuard guard(lock_);
  price_ = price;
  learner_->set_price(price);
  scored_.store_relaxed(0);
  if (!observes()) return;
  tell_reuses_at_once_locked();
  learner_->decide(age_s(now_ms));
}

void Learning::set_costs(const learn::CostModel& costs) {
  const LockGuard guard(lock_);
  costs_ = costs;
  learner_->set_costs(costs);
}

learn::BlockCosts Learning::costs_of(std::size_t bytes) {
  const LockGuard guard(lock_);
  return learn::costs_of(costs_, price_, bytes);
}

bool Learning::pays_for_measuring(std::uint64_t now_ms) {
  const LockGuard guard(lock_);
  return age_s(now_ms) >= kMeasureFromAge_s || learner_->regret().paid_s() >= kMeasureFromBill_s;
}

}  // namespace hakmem
