#include "large/idle_shard.hpp"

#include "base/bits.hpp"
#include "large/hands.hpp"
#include "os/alarm.hpp"
#include "os/memory.hpp"
#include "os/place.hpp"
#include "pages/release_budget.hpp"
#include "pages/release_time.hpp"
#include "thread/large_hooks.hpp"
#include "thread/looks.hpp"

namespace hakmem {

namespace {

static_assert(learn::kLargeClasses <= 64, "a bit each");

constexpr std::uint64_t kNeverMs = ~std::uint64_t{0};
constexpr unsigned kSamples = 8;  // entries that speak for their depth when arms are decided

// For one writer at a time.
template <typename T>
void add(Atomic<T>& sum, T n) {
  sum.store_relaxed(sum.load_relaxed() + n);
}

// Not negative: who reads the clock before the lock may find what others have freed since.
std::uint64_t waited_ms(std::uint64_t freed_at_ms, std::uint64_t now_ms) {
  return now_ms < freed_at_ms ? 0 : now_ms - freed_at_ms;
}

IdleTime idle_time(std::uint64_t freed_at_ms, std::uint64_t now_ms) {
  return {waited_ms(freed_at_ms, now_ms), looks.first_long_since(freed_at_ms, now_ms)};
}

// When an entry that was freed at `freed_at_ms` is due after `hold` seconds, later while the release
// budget is used up.
std::uint64_t due_after(std::uint64_t freed_at_ms, float hold) {
  if (hold == learn::kNever) return kNeverMs;
  return freed_at_ms + static_cast<std::uint64_t>(hold * 1000) + release_budget.wait_ms();
}

// When the entry's pages go.
std::uint64_t gone_at(const IdleEntry& entry) {
  const std::uint64_t due = due_after(entry.freed_at_ms, learning.arm_of(entry.context).gone_at);
  if (!learning.is_guess(entry.context) || resident_idle_bytes.load_relaxed() <= knobs::kGuessedBytes) return due;
  const std::uint64_t at_most = entry.freed_at_ms + knobs::kGuessedMs + release_budget.wait_ms();
  return due < at_most ? due : at_most;
}

bool is_worth_a_hand(const learn::Arm& arm) {
  return arm.gone_at >= Hands::kLeastHold_s && arm.lazy_at >= Hands::kLeastHold_s;
}

}  // namespace

// Several shards note at once: the earliest must stay.
void IdleDue::note(std::uint64_t at_ms) {
  const std::uint64_t next = next_tick_ms_.load_relaxed();
  const std::uint64_t due = at_ms < next ? next : at_ms;
  std::uint64_t noted = large_due_ms.load_relaxed();
  do {
    if (due >= noted) return;
  } while (!large_due_ms.try_replace_relaxed(noted, due));
  os::housekeeping_alarm.ring();
}

// Before the shards are looked at: what is kept in one of them after that look notes its own time, and
// finds this one under the shard's lock.
void IdleDue::begin_tick() { large_due_ms.store_relaxed(kNeverMs); }

std::size_t IdleShard::resident_bytes() const {
  const std::size_t held = held_.load_relaxed();
  const std::size_t lazy = lazy_.load_relaxed();
  return held < lazy ? 0 : held - lazy;  // read at two moments
}

IdleUse IdleShard::use() const {
  const std::size_t resident = resident_bytes();
  const std::size_t lazy = lazy_.load_relaxed();
  return {resident + lazy, lazy, releases_.load_relaxed(), reuses_.load_relaxed(), late_reuses_.load_relaxed(),
          refault_bytes_.load_relaxed()};
}

// The entry's run, which leaves its stack for good.
Run* IdleShard::detach_locked(IdleStack& stack, IdleEntry& entry) {
  const bool was_lazy = entry.is_lazy;
  Run* run = stack.detach(entry);
  if (run == nullptr) return nullptr;
  run->freed_at_ms = entry.freed_at_ms;
  held_.store_relaxed(held_.load_relaxed() - run->bytes());
  if (was_lazy) lazy_.store_relaxed(lazy_.load_relaxed() - run->bytes());
  else resident_idle_bytes.fetch_sub_relaxed(run->bytes());
  return run;
}

// The entry whose run serves the request: the top, or the next below that has pages. nullptr: those that
// there are are too short (in the last class), not aligned, mappings where none is wanted, or another node's memory.
IdleEntry* IdleShard::lender_locked(IdleStack& stack, const Request& request) {
  const os::Node here = os::places.current_node();
  for (unsigned position = stack.count(); position-- != 0;) {
    IdleEntry& entry = stack.at(position);
    if (entry.run == nullptr || (request.in_store && entry.run->is_huge())) continue;
    const auto start = reinterpret_cast<std::uintptr_t>(entry.run->start());
    if (entry.run->bytes() >= request.bytes && start % request.alignment == 0 && entry.run->node == here) return &entry;
  }
  return nullptr;
}

void IdleShard::reuse_top_locked(IdleStack& stack, const Request& request) {
  const IdleEntry& top = stack.top();
  learning.note_reuses(notes_, request.size_class, top.context, top.site, 1, idle_time(top.freed_at_ms, request.now_ms), request.now_ms);
  add(reuses_, std::uint64_t{1});
  idle_due.note(request.now_ms + kDecideMs);  // where all goes at once nothing else is due, and arms could not change
  stack.drop_top();
  learning.note_taken(notes_, request.size_class, stack.count());
}

Run* IdleShard::take(const Request& request, bool* soon) {
  const LockGuard guard(lock_);
  IdleStack& stack = stacks_[request.size_class];
  IdleEntry* lender = lender_locked(stack, request);
  if (lender == nullptr) return nullptr;
  Run* run = detach_locked(stack, *lender);
  const IdleEntry& top = stack.top();
  if (lender != &top) {
    stack.move_pages_down(*lender);
    note_to_offer_locked(request.size_class);
  } else if (waited_ms(top.freed_at_ms, request.now_ms) <= Hands::kMostApartMs) {
    *soon = is_worth_a_hand(learning.arm_of(top.context));
  }
  if (*soon) idle_due.note(request.now_ms + Hands::kLookMs);
  reuse_top_locked(stack, request);
  return run;
}

bool IdleShard::take_mark(const Request& request) {
  const LockGuard guard(lock_);
  IdleStack& stack = stacks_[request.size_class];
  if (!stack.has_marks_alone()) return false;
  add(late_reuses_, std::uint64_t{1});
  add(refault_bytes_, std::uint64_t{request.bytes});
  reuse_top_locked(stack, request);
  return true;
}

bool IdleShard::note_reuses(unsigned size_class, learn::Site site, std::uint32_t uses, std::uint64_t idle_ms, std::uint64_t now_ms) {
  const LockGuard guard(lock_);
  const learn::ContextId context = learning.context_of(notes_, size_class, stacks_[size_class].count(), site, now_ms);
  learning.note_reuses(notes_, size_class, context, site, uses, {idle_ms, {}}, now_ms);
  add(reuses_, std::uint64_t{uses});
  return is_worth_a_hand(learning.arm_of(context));
}

// A run that finds no memory for its entry moves on, as the bottom one of a full stack does.
IdleShard::Left IdleShard::keep(Run* run, std::uint64_t now_ms, bool at_once) {
  const unsigned size_class = class_served_by(run->bytes());
  Left left{nullptr, nullptr};
  const LockGuard guard(lock_);
  IdleStack& stack = stacks_[size_class];
  if (stack.is_full()) {
    left.crowded_out = detach_locked(stack, stack.at(0));
    stack.drop_bottom();
  }
  const learn::ContextId context = learning.context_of(notes_, size_class, stack.count(), run->site, now_ms);
  if (!stack.push({run, now_ms, run->site, context, false})) return {run, nullptr};
  add(held_, run->bytes());
  resident_idle_bytes.fetch_add_relaxed(run->bytes());
  note_to_offer_locked(size_class);
  left.due_at_once = settle_locked(stack, stack.top(), now_ms, at_once);
  return left;
}

// Does to the entry what is due at `now_ms`. Returns the run if it must go.
Run* IdleShard::settle_locked(IdleStack& stack, IdleEntry& entry, std::uint64_t now_ms, bool at_once) {
  if (entry.run == nullptr) return nullptr;
  const std::uint64_t gone = at_once ? now_ms : gone_at(entry);
  if (now_ms >= gone) {
    add(releases_, std::uint64_t{1});
    return detach_locked(stack, entry);
  }
  idle_due.note(gone);
  if (entry.is_lazy) return nullptr;
  const std::uint64_t lazy_at = due_after(entry.freed_at_ms, learning.arm_of(entry.context).lazy_at);
  if (now_ms >= lazy_at) free_lazily_locked(entry);
  else idle_due.note(lazy_at);
  return nullptr;
}

bool IdleShard::selects(const Selection& of, unsigned size_class, const IdleEntry& entry) {
  if (entry.run == nullptr || (of.only != nullptr && entry.run->node != *of.only)) return false;
  return size_class < of.classes || learning.is_guess(entry.context);
}

IdleEntry* IdleShard::oldest_locked(const Selection& of, IdleStack** in) {
  IdleEntry* oldest = nullptr;
  for (unsigned c = 0; c < of.guessed_classes; ++c) {
    IdleStack& stack = stacks_[c];
    if (stack.live() == 0) continue;
    unsigned position = 0;
    while (position < stack.count() && !selects(of, c, stack.at(position))) ++position;
    if (position == stack.count()) continue;
    IdleEntry& entry = stack.at(position);
    if (oldest != nullptr && oldest->freed_at_ms <= entry.freed_at_ms) continue;
    oldest = &entry;
    *in = &stack;
  }
  return oldest;
}

std::uint64_t IdleShard::oldest_ms(const Selection& of) {
  if (is_empty()) return kNeverMs;
  const LockGuard guard(lock_);
  IdleStack* stack = nullptr;
  const IdleEntry* oldest = oldest_locked(of, &stack);
  return oldest == nullptr ? kNeverMs : oldest->freed_at_ms;
}

unsigned IdleShard::detach_oldest(const Selection& of, std::uint64_t until_ms, Run** batch, unsigned most) {
  const LockGuard guard(lock_);
  unsigned n = 0;
  for (; n < most; ++n) {
    IdleStack* stack = nullptr;
    IdleEntry* oldest = oldest_locked(of, &stack);
    if (oldest == nullptr || oldest->freed_at_ms > until_ms) break;
    batch[n] = detach_locked(*stack, *oldest);
  }
  return n;
}

void IdleShard::tell(std::uint64_t now_ms) {
  const LockGuard guard(lock_);
  learning.tell(notes_, now_ms);
}

void IdleShard::forget_notes_for_test() {
  const LockGuard guard(lock_);
  notes_ = Notes{};
  for (IdleStack& stack : stacks_) {
    while (stack.count() != 0 && stack.top().run == nullptr) stack.drop_top();
  }
}

void IdleShard::tell_what_is_idle(std::uint64_t now_ms) {
  const LockGuard guard(lock_);
  learning.note_idle([&](auto note) {
    for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
      IdleStack& stack = stacks_[c];
      for (unsigned first = 0, end = 1; first < stack.count(); first = end, end *= 2) {
        const unsigned last = end < stack.count() ? end : stack.count();
        const unsigned stride = (last - first + kSamples - 1) / kSamples;
        for (unsigned position = first; position < last; position += stride) {
          const IdleEntry& entry = stack.at(position);
          const unsigned blocks = stride < last - position ? stride : last - position;
          note(c, entry.context, idle_time(entry.freed_at_ms, now_ms), static_cast<float>(blocks));
        }
      }
    }
  });
}

void IdleShard::ask_stack_rule() {
  const LockGuard guard(lock_);
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) {
    stacks_[c].unneeded = static_cast<unsigned>(learning.unneeded(notes_, c, stacks_[c].count()));
  }
}

// What is not due notes when it will be.
unsigned IdleShard::collect_due(std::uint64_t now_ms, Run** batch, unsigned most, unsigned* seen) {
  const LockGuard guard(lock_);
  unsigned n = 0;
  for (IdleStack& stack : stacks_) {
    for (unsigned position = 0; position < stack.count() && n < most; ++position, ++*seen) {
      Run* gone = settle_locked(stack, stack.at(position), now_ms, position < stack.unneeded);
      if (gone != nullptr) batch[n++] = gone;
    }
    if (n < most) stack.unneeded = 0;
  }
  return n;
}

}  // namespace hakmem
