#include "large/idle_blocks.hpp"

#include "base/bits.hpp"
#include "large/give_back.hpp"
#include "large/hands.hpp"
#include "large/huge.hpp"
#include "large/measure_costs.hpp"
#include "large/request_class.hpp"
#include "os/alarm.hpp"
#include "os/clock.hpp"
#include "os/memory.hpp"
#include "pages/commitment.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "thread/background.hpp"
#include "thread/large_hooks.hpp"
#include "thread/price.hpp"

namespace hakmem {

constinit IdleBlocks idle_blocks;

namespace {

constexpr std::uint64_t kNeverMs = ~std::uint64_t{0};
constexpr std::uint64_t kDecideMs = 1000;
constexpr std::uint64_t kMeasureMs = 60'000;
constexpr std::uint64_t kTickMs = 10;
constexpr unsigned kSeenPerMs = 64;
constexpr std::size_t kLendFrom = 1 * kMiB;
constexpr std::size_t kLendTimes = 4;
constexpr unsigned kSamples = 8;  // entries that speak for their depth when arms are decided

// Of any length: both grow with it.
void set_release_costs() {
  const learn::BlockCosts costs = learn::costs_of(learning.costs(), learning.price(), kMiB);
  release_budget.set_costs(costs.dontneed_s, costs.hold_rate);
}

// Not negative: who reads the clock before the lock may find what others have freed since.
std::uint64_t waited_ms(std::uint64_t freed_at_ms, std::uint64_t now_ms) {
  return now_ms < freed_at_ms ? 0 : now_ms - freed_at_ms;
}

// When an entry that was freed at `freed_at_ms` is due after `hold` seconds, later while the release
// budget is used up.
std::uint64_t due_after(std::uint64_t freed_at_ms, float hold) {
  if (hold == learn::kNever) return kNeverMs;
  return freed_at_ms + static_cast<std::uint64_t>(hold * 1000) + release_budget.wait_ms();
}

}  // namespace

std::size_t large_length(std::size_t bytes) {
  const std::size_t length = learn::large_class_bytes(request_class(bytes));
  return align_up(length < bytes ? bytes : length, kGranuleBytes);
}

void IdleBlocks::note_due_locked(std::uint64_t at_ms) {
  const std::uint64_t due = at_ms < next_tick_ms_ ? next_tick_ms_ : at_ms;
  if (due >= large_due_ms.load_relaxed()) return;
  large_due_ms.store_relaxed(due);
  os::housekeeping_alarm.ring();
}

// The entry's run, which leaves its stack for good.
Run* IdleBlocks::detach_locked(Entry& entry) {
  Run* run = entry.run;
  if (run == nullptr) return nullptr;
  const std::size_t bytes = run->bytes();
  held_.store_relaxed(held_.load_relaxed() - bytes);
  if (entry.is_lazy) lazy_.store_relaxed(lazy_.load_relaxed() - bytes);
  entry.run = nullptr;
  entry.is_lazy = false;
  return run;
}

// The top leaves its stack although an entry below has lent its pages: those of the top stay, if it
// has any, in the place that has become free.
void IdleBlocks::move_pages_down(const Entry& top, Entry& lender) {
  lender.run = top.run;
  lender.is_lazy = top.is_lazy;
}

bool IdleBlocks::is_worth_a_hand(const learn::Arm& arm) {
  return arm.gone_at >= Hands::kLeastHold_s && arm.lazy_at >= Hands::kLeastHold_s;
}

bool IdleBlocks::note_reuses(const Run* run, std::uint32_t uses, std::uint64_t idle_ms) {
  const unsigned size_class = run->hand_class;
  const LockGuard guard(lock_);
  const learn::ContextId context = learning.context_of(size_class, stacks_[size_class].count, run->site, os::now_ms());
  learning.note_reuses(size_class, context, run->site, uses, idle_ms);
  reuses_.store_relaxed(reuses_.load_relaxed() + uses);
  return is_worth_a_hand(learning.arm_of(context));
}

Run* IdleBlocks::take(std::size_t bytes, std::size_t alignment) {
  bool soon = false;
  return take(bytes, alignment, &soon);
}

Run* IdleBlocks::take(std::size_t bytes, std::size_t alignment, bool* soon) {
  const unsigned size_class = request_class(bytes);
  const std::uint64_t now = os::now_ms();
  const LockGuard guard(lock_);
  Stack& stack = stacks_[size_class];
  Entry* lender = stack.count == 0 ? nullptr : lender_locked(stack, bytes, alignment);
  if (lender == nullptr) return nullptr;
  const Entry& top = stack.top();
  learning.note_reuse(size_class, top.context, top.site, waited_ms(top.freed_at_ms, now));
  reuses_.store_relaxed(reuses_.load_relaxed() + 1);
  Run* run = detach_locked(*lender);
  if (run == nullptr) {
    late_reuses_.store_relaxed(late_reuses_.load_relaxed() + 1);
    refault_bytes_.store_relaxed(refault_bytes_.load_relaxed() + bytes);
  }
  if (lender != &top) move_pages_down(top, *lender);
  else if (waited_ms(top.freed_at_ms, now) < Hands::kLookMs) *soon = run != nullptr && is_worth_a_hand(learning.arm_of(top.context));
  if (*soon) note_due_locked(now + Hands::kLookMs);
  --stack.count;
  learning.note_taken(size_class, stack.count);
  return run;
}

// A block much longer than what is wanted stays: to take its pages one by one would cost the next
// request of its class all of them.
bool IdleBlocks::lend(std::size_t bytes, os::Node node) {
  const std::size_t longest = kLendTimes * bytes > kLendFrom ? kLendTimes * bytes : kLendFrom;
  const unsigned classes = request_class(longest < knobs::kHugeFrom ? longest : knobs::kHugeFrom - 1) + 1;
  std::size_t lent = 0;
  while (lent < bytes && held_.load_relaxed() != 0) {
    Run* oldest = nullptr;
    {
      const LockGuard guard(lock_);
      oldest = oldest_locked(classes, &node);
    }
    if (oldest == nullptr) break;
    lent += oldest->bytes();
    coalesce(oldest);
  }
  return lent != 0;
}

// So that memory does not grow with the number of lengths that a program has used lately.
void IdleBlocks::make_room() {
  if (held_.load_relaxed() == 0) return;
  Run* oldest = nullptr;
  {
    const LockGuard guard(lock_);
    oldest = oldest_locked(learn::kLargeClasses);
  }
  if (oldest != nullptr) coalesce(oldest);
}

// The entry whose run serves the request: the top, or the next below that has pages. The top itself
// where none has. nullptr: there are some, but too short (in the last class), not aligned, or another
// node's memory.
IdleBlocks::Entry* IdleBlocks::lender_locked(Stack& stack, std::size_t bytes, std::size_t alignment) {
  const os::Node here = os::places.current_node();
  bool any = false;
  for (unsigned position = stack.count; position-- != 0;) {
    Entry& entry = stack.at(position);
    if (entry.run == nullptr) continue;
    const auto start = reinterpret_cast<std::uintptr_t>(entry.run->start());
    if (entry.run->bytes() >= bytes && start % alignment == 0 && entry.run->node == here) return &entry;
    any = true;
  }
  return any ? nullptr : &stack.top();
}

// Of the first so many classes, and of one node's memory if `only` says so.
Run* IdleBlocks::oldest_locked(unsigned classes, const os::Node* only) {
  const auto serves = [only](const Run* run) { return run != nullptr && (only == nullptr || run->node == *only); };
  Entry* oldest = nullptr;
  for (unsigned c = 0; c < classes; ++c) {
    unsigned position = 0;
    while (position < stacks_[c].count && !serves(stacks_[c].at(position).run)) ++position;
    if (position == stacks_[c].count) continue;
    Entry& entry = stacks_[c].at(position);
    if (oldest != nullptr && oldest->freed_at_ms <= entry.freed_at_ms) continue;
    oldest = &entry;
  }
  return oldest == nullptr ? nullptr : detach_locked(*oldest);
}

void IdleBlocks::push_locked(unsigned size_class, Run* run, std::uint64_t now_ms) {
  Stack& stack = stacks_[size_class];
  const learn::ContextId context = learning.context_of(size_class, stack.count, run->site, now_ms);
  ++stack.count;
  stack.top() = {run, now_ms, run->site, context, false};
  held_.store_relaxed(held_.load_relaxed() + run->bytes());
}

// The bottom entry makes room: its run moves on, resident.
Run* IdleBlocks::drop_bottom_locked(unsigned size_class) {
  Stack& stack = stacks_[size_class];
  Run* run = detach_locked(stack.at(0));
  stack.bottom = static_cast<std::uint16_t>((stack.bottom + 1) % kDepth);
  --stack.count;
  return run;
}

void IdleBlocks::keep(Run* run, std::uint64_t now_ms) {
  const unsigned size_class = class_served_by(run->bytes());
  Run* crowded_out = nullptr;
  Run* due_at_once = nullptr;
  learn::StackRule::OnFree rule{};
  {
    const LockGuard guard(lock_);
    if (stacks_[size_class].count == kDepth) crowded_out = drop_bottom_locked(size_class);
    push_locked(size_class, run, now_ms);
    rule = learning.note_freed(run->bytes(), resident_locked());
    const bool at_once = rule == learn::StackRule::OnFree::kGoes || commitment.is_over_soft();
    settle_locked(stacks_[size_class].top(), now_ms, at_once, &due_at_once);
    if (!background_runs()) free_lazily_over_limit_locked();
  }
  if (crowded_out != nullptr) coalesce(crowded_out);
  if (due_at_once != nullptr) give_back(due_at_once);
  if (rule == learn::StackRule::OnFree::kAllGo) give_all_back();
}

// When the entry's pages go.
std::uint64_t IdleBlocks::gone_at_locked(const Entry& entry) {
  const std::uint64_t gone_at = due_after(entry.freed_at_ms, learning.arm_of(entry.context).gone_at);
  if (resident_locked() <= knobs::kGuessedBytes || !learning.is_guess(entry.context)) return gone_at;
  const std::uint64_t at_most = entry.freed_at_ms + knobs::kGuessedMs + release_budget.wait_ms();
  return gone_at < at_most ? gone_at : at_most;
}

// Does to the entry what is due at `now_ms`; a run that must go is detached and handed out.
void IdleBlocks::settle_locked(Entry& entry, std::uint64_t now_ms, bool at_once, Run** gone) {
  if (entry.run == nullptr) return;
  const std::uint64_t gone_at = gone_at_locked(entry);
  if (at_once || now_ms >= gone_at) {
    *gone = detach_locked(entry);
    releases_.store_relaxed(releases_.load_relaxed() + 1);
    return;
  }
  note_due_locked(gone_at);
  const std::uint64_t lazy_at = due_after(entry.freed_at_ms, learning.arm_of(entry.context).lazy_at);
  if (entry.is_lazy) return;
  if (now_ms >= lazy_at) free_lazily_locked(entry);
  else note_due_locked(lazy_at);
}

void IdleBlocks::free_lazily_locked(Entry& entry) {
  const ReleaseTimer timer;
  if (!os::memory.free_lazily(entry.run->start(), entry.run->bytes())) return;
  entry.is_lazy = true;
  lazy_.store_relaxed(lazy_.load_relaxed() + entry.run->bytes());
}

// Without a background thread nobody may come by again: what is beyond the limit is the kernel's to
// take when it needs it, bottom entries first.
void IdleBlocks::free_lazily_over_limit_locked() {
  const std::size_t in_hands = hands.granted();
  const std::size_t limit = in_hands < knobs::kUnwatchedBytes ? knobs::kUnwatchedBytes - in_hands : 0;
  if (resident_locked() <= limit) return;
  for (unsigned c = learn::kLargeClasses; c-- != 0;) {
    Stack& stack = stacks_[c];
    for (unsigned position = 0; position < stack.count; ++position) {
      if (resident_locked() <= limit) return;
      Entry& entry = stack.at(position);
      if (entry.run != nullptr && !entry.is_lazy) free_lazily_locked(entry);
    }
  }
}

// Takes out what is due, up to a batch; what is not sets the time of the next tick.
unsigned IdleBlocks::collect_due_locked(std::uint64_t now_ms, Run** batch) {
  unsigned n = 0;
  unsigned seen = 0;
  large_due_ms.store_relaxed(kNeverMs);
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    Stack& stack = stacks_[c];
    for (unsigned position = 0; position < stack.count && n < kBatch; ++position, ++seen) {
      Run* gone = nullptr;
      settle_locked(stack.at(position), now_ms, position < stack.unneeded, &gone);
      if (gone != nullptr) batch[n++] = gone;
    }
    if (n < kBatch) stack.unneeded = 0;
  }
  // Looking at every entry must stay cheap beside what happens in between.
  next_tick_ms_ = now_ms + kTickMs + seen / kSeenPerMs;
  if (n == kBatch) note_due_locked(now_ms);
  else if (held_.load_relaxed() != 0) note_due_locked(decided_at_ms_ + kDecideMs);
  if (hands.granted() != 0) note_due_locked(now_ms + Hands::kLookMs);
  return n;
}

// The idle blocks of a class, a few of each depth, speak for arms too.
void IdleBlocks::tell_what_is_idle_locked(std::uint64_t now_ms) {
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    Stack& stack = stacks_[c];
    for (unsigned first = 0, end = 1; first < stack.count; first = end, end *= 2) {
      const unsigned last = end < stack.count ? end : stack.count;
      const unsigned stride = (last - first + kSamples - 1) / kSamples;
      for (unsigned position = first; position < last; position += stride) {
        const Entry& entry = stack.at(position);
        const unsigned blocks = stride < last - position ? stride : last - position;
        learning.note_idle(c, entry.context, waited_ms(entry.freed_at_ms, now_ms), static_cast<float>(blocks));
      }
    }
  }
}

void IdleBlocks::ask_stack_rule_locked() {
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    stacks_[c].unneeded = static_cast<std::uint16_t>(learning.unneeded(c, stacks_[c].count));
  }
}

// True once a minute, for one caller, where it pays.
bool IdleBlocks::is_time_to_measure_locked(std::uint64_t now_ms) {
  if (settings.learn != Learn::kOn || now_ms < measure_due_ms_ || !learning.pays_for_measuring(now_ms)) return false;
  measure_due_ms_ = now_ms + kMeasureMs;
  return true;
}

void IdleBlocks::update_costs() {
  const os::Stopwatch stopwatch(learning.spent_ns(), os::now_ns);
  const learn::CostModel costs = measure_costs(learn::CostModel{});
  const LockGuard guard(lock_);
  learning.set_costs(costs);
}

void IdleBlocks::tick(std::uint64_t now_ms) {
  bool measures = false;
  unsigned n = 0;
  do {
    Run* batch[kBatch];
    {
      const LockGuard guard(lock_);
      if (waited_ms(decided_at_ms_, now_ms) >= kDecideMs) {
        decided_at_ms_ = now_ms;
        const os::Stopwatch stopwatch(learning.spent_ns(), os::now_ns);
        tell_what_is_idle_locked(now_ms);
        learning.set_price(price_now());
        set_release_costs();
        learning.decide(now_ms);
        ask_stack_rule_locked();
        measures = is_time_to_measure_locked(now_ms);
      }
      n = collect_due_locked(now_ms, batch);
    }
    give_back_all(batch, n);
  } while (n == kBatch);
  if (measures) update_costs();
}

void IdleBlocks::give_all_back() {
  unsigned n = 0;
  do {
    Run* batch[kBatch];
    n = 0;
    {
      const LockGuard guard(lock_);
      while (n < kBatch && (batch[n] = oldest_locked(learn::kLargeClasses)) != nullptr) ++n;
      releases_.store_relaxed(releases_.load_relaxed() + n);
    }
    give_back_all(batch, n);
  } while (n == kBatch);
}

void IdleBlocks::add_evidence(const learn::Profile& recorded, learn::Profile& into) {
  const LockGuard guard(lock_);
  const std::uint64_t now = os::now_ms();  // not before any block here was freed
  learning.tell_what_is_pending();
  learn::merge(into, recorded);
  for (Stack& stack : stacks_) {
    for (unsigned position = 0; position < stack.count; ++position) {
      const Entry& entry = stack.at(position);
      const learn::Context& context = learning.learner().context(entry.context);
      learn::add(into.of(context).left, static_cast<double>(now - entry.freed_at_ms) * 1e-3);
    }
  }
}

IdleUse IdleBlocks::use() const {
  const std::size_t lazy = lazy_.load_relaxed();
  return {held_.load_relaxed() - lazy, lazy, releases_.load_relaxed(), reuses_.load_relaxed(),
          late_reuses_.load_relaxed(), refault_bytes_.load_relaxed()};
}

}  // namespace hakmem
