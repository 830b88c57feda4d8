#include "api/snapshot_learning.hpp"

#include <cstring>

#include "api/snapshot_sites.hpp"
#include "large/hands.hpp"
#include "large/idle_blocks.hpp"
#include "large/learning.hpp"
#include "thread/prefault.hpp"

namespace hakmem {

namespace {

// What each context holds; written and read by one report at a time (IdleBlocks::look). Too long for a
// thread's stack.
struct Held {
  std::uint32_t blocks;
  std::uint64_t resident_bytes;
  std::uint64_t lazy_bytes;
};
constinit Held held_by[learn::ContextTable::kSlots] = {};

template <std::size_t kSize>
void set_text(char (&into)[kSize], const char* text) {
  std::strncpy(into, text, kSize - 1);
}

// The contexts with the largest bills, largest first.
class Ranking {
 public:
  void add(learn::ContextId id, const learn::Context& context) {
    ++seen_;
    if (count_ == HAK_STATS_MAX_CONTEXTS && !is_before(id, entry_[count_ - 1].id)) return;
    unsigned at = count_ < HAK_STATS_MAX_CONTEXTS ? count_++ : count_ - 1;
    for (; at > 0 && is_before(id, entry_[at - 1].id); --at) entry_[at] = entry_[at - 1];
    entry_[at] = {id, context};
  }

  struct Entry {
    learn::ContextId id;
    learn::Context context;
  };
  const Entry& operator[](unsigned rank) const { return entry_[rank]; }
  unsigned count() const { return count_; }
  unsigned seen() const { return seen_; }

 private:
  // What was never scored has no bill; then those that hold most are first.
  static bool is_before(learn::ContextId a, learn::ContextId b) {
    const double bill_a = learning.learner().regret_of(a).paid_s();
    const double bill_b = learning.learner().regret_of(b).paid_s();
    return bill_a != bill_b ? bill_a > bill_b : held_bytes(a) > held_bytes(b);
  }

  static std::uint64_t held_bytes(learn::ContextId id) {
    return held_by[index_of(id)].resident_bytes + held_by[index_of(id)].lazy_bytes;
  }

  Entry entry_[HAK_STATS_MAX_CONTEXTS];
  unsigned count_ = 0;
  unsigned seen_ = 0;
};

void describe_depth(const learn::Context& context, hak_stats_context* into) {
  const std::size_t first = context.depth == 0 ? 0 : learn::positions_at(context.depth);
  const std::size_t last = first + learn::positions_at(context.depth) - 1;
  into->first_depth = static_cast<std::uint32_t>(first);
  into->last_depth =
      context.depth + 1 == learn::kDepths ? UINT32_MAX : static_cast<std::uint32_t>(last);
}

// A stack rule has no arm: its own name says what blocks are under.
const char* arm_name(const learn::Arm& arm) {
  const learn::SelectorChoice& selector = learning.selector();
  const bool rule = learning.acts() && learn::is_stack_rule(selector);
  return rule ? learn::kSelectorNames[static_cast<std::size_t>(selector.kind)] : arm.name;
}

void describe(const Ranking::Entry& entry, hak_stats_context* into) {
  const learn::RegretAccount& account = learning.learner().regret_of(entry.id);
  into->block_bytes = learn::large_class_bytes(entry.context.size_class);
  describe_depth(entry.context, into);
  into->site_group = entry.context.group;
  const Held& held = held_by[index_of(entry.id)];
  into->idle_blocks = held.blocks;
  into->idle_bytes = held.resident_bytes;
  into->lazy_bytes = held.lazy_bytes;
  into->reuses = learning.reuses_of(entry.id);
  into->bill_paid_s = account.paid_s();
  into->bill_best_fixed_s = account.would_have_s(account.best_fixed());
  set_text(into->arm, arm_name(learning.arm_of(entry.id)));
  set_text(into->learned_arm, arm_name(learn::arm_of(learning.learner().arm_of(entry.id))));
  set_text(into->best_fixed_arm, learn::arm_of(account.best_fixed()).name);
}

void describe_costs(const learn::CostModel& costs, hak_stats_costs* into) {
  *into = {costs.madvise_call_s,
           costs.remap_call_s,
           costs.fault_s,
           costs.populate_s,
           costs.dontneed_s,
           costs.free_s,
           costs.touch_after_free_s,
           costs.unmap_s,
           costs.huge_fault_s,
           costs.huge_dontneed_s,
           costs.huge_free_s,
           costs.huge_touch_after_free_s,
           costs.lazy_share};
}

void describe_selector(const learn::SelectorChoice& selector, char (&into)[32]) {
  set_text(into, learn::kSelectorNames[static_cast<std::size_t>(selector.kind)]);
  if (selector.kind != learn::SelectorKind::kFixed) return;
  std::strncat(into, learn::arm_of(selector.fixed).name, sizeof into - std::strlen(into) - 1);
}

void describe_settings(hak_stats* stats) {
  constexpr const char* kModes[] = {"static", "adaptive", "hybrid"};
  constexpr const char* kLearns[] = {"off", "shadow", "on", "frozen"};
  set_text(stats->mode, kModes[static_cast<std::size_t>(settings.mode)]);
  set_text(stats->learn, kLearns[static_cast<std::size_t>(settings.learn)]);
  describe_selector(learning.selector(), stats->selector);
}

void describe_bills(hak_stats* stats) {
  const learn::RegretAccount& account = learning.learner().regret();
  stats->bill_paid_s = account.paid_s();
  stats->bill_best_fixed_s = account.would_have_s(account.best_fixed());
  learn::ArmId one_second{};
  if (learn::find_arm("1s", one_second)) stats->bill_1s_s = account.would_have_s(one_second);
  set_text(stats->best_fixed_arm, learn::arm_of(account.best_fixed()).name);
}

void describe_learning(hak_stats* stats) {
  stats->price = learning.price();
  stats->learning_s = static_cast<double>(learning.spent_ns().load_relaxed()) * 1e-9;
  describe_costs(learning.costs(), &stats->costs);
  describe_bills(stats);
}

void describe_contexts(hak_stats* stats) {
  Ranking ranking;
  learning.learner().for_each_context(
      [&](learn::ContextId id, const learn::Context& context) { ranking.add(id, context); });
  stats->contexts_seen = ranking.seen();
  stats->context_count = ranking.count();
  for (unsigned c = 0; c < learn::kLargeClasses; ++c) stats->split_classes += learning.learner().is_split(c) ? 1 : 0;
  for (unsigned rank = 0; rank < ranking.count(); ++rank)
    describe(ranking[rank], &stats->contexts[rank]);
}

void count_idle(const Run& run, bool is_lazy, hak_stats* stats) {
  std::uint64_t& resident = run.is_huge() ? stats->idle_huge_bytes : stats->idle_run_bytes;
  std::uint64_t& lazy = run.is_huge() ? stats->idle_huge_lazy_bytes : stats->idle_run_lazy_bytes;
  (is_lazy ? lazy : resident) += run.bytes();
}

void count_idle(const Run& run, bool is_lazy, Held& held) {
  held.blocks += 1;
  (is_lazy ? held.lazy_bytes : held.resident_bytes) += run.bytes();
}

// A huge block in a hand is still linked as in use.
void uncount_huge(const Run& run, hak_stats* stats) {
  stats->huge_bytes -= run.bytes();
  stats->huge_blocks -= 1;
}

}  // namespace

void count_idle_blocks(hak_stats* stats) {
  const IdleUse use = idle_blocks.use();
  stats->releases = use.releases;
  stats->reuses = use.reuses;
  stats->late_reuses = use.late_reuses;
  stats->refault_bytes = use.refault_bytes;
  stats->prefaulted_bytes = prefaulted_bytes();
  describe_settings(stats);
  hands.look([&](const Run& run) {
    count_idle(run, false, stats);
    if (run.is_huge()) uncount_huge(run, stats);
  });
  idle_blocks.look(
      [&](const Run& run, learn::ContextId id, bool is_lazy) {
        count_idle(run, is_lazy, stats);
        count_idle(run, is_lazy, held_by[index_of(id)]);
      },
      [&] {
        describe_learning(stats);
        describe_contexts(stats);
        describe_sites(stats);
        std::memset(held_by, 0, sizeof held_by);
      });
}

}  // namespace hakmem
