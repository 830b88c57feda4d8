#include "large/idle_blocks.hpp"

#include "base/bits.hpp"
#include "large/hands.hpp"
#include "large/huge.hpp"
#include "os/clock.hpp"
#include "pages/commitment.hpp"
#include "pages/release_budget.hpp"
#include "thread/background.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"
#include "thread/measure_costs.hpp"
#include "thread/price.hpp"

namespace hakmem {

constinit IdleBlocks idle_blocks;

namespace {

constexpr std::uint64_t kNeverMs = ~std::uint64_t{0};
constexpr std::uint64_t kMeasureMs = 60'000;
constexpr std::uint64_t kTickMs = 10;
constexpr unsigned kSeenPerMs = 64;
constexpr std::size_t kLendFrom = 1 * kMiB;
constexpr std::size_t kLendAtOnce = 8;
constexpr std::size_t kMostLent = 32 * kMiB;
constexpr std::size_t kLendTimes = 4;

constexpr IdleShard::Selection kAnyBlock{learn::kLargeClasses, learn::kLargeClasses, nullptr};

// Of any length: both grow with it.
void set_release_costs() {
  const learn::BlockCosts costs = learning.costs_of(kMiB);
  release_budget.set_costs(costs.dontneed_s, costs.hold_rate);
}

}  // namespace

std::size_t large_length(std::size_t bytes) {
  const std::size_t length = learn::large_class_bytes(request_class(bytes));
  return align_up(length < bytes ? bytes : length, kGranuleBytes);
}

bool IdleBlocks::is_empty() {
  for (unsigned i = 0, n = shards_.count(); i < n; ++i) {
    if (!shards_[i].is_empty()) return false;
  }
  return true;
}

// The shard where a block of this class and node waits: the calling thread's, or the next on that node.
unsigned IdleBlocks::home_of(unsigned size_class, os::Node node) {
  const unsigned places = os::places.places();
  if (size_class > kLastSharded || places == 1) return 0;
  const unsigned own = os::index_of(os::places.current());
  for (unsigned i = 0; i < places; ++i) {
    const unsigned place = (own + i) % places;
    if (os::places.node_of(os::Place{static_cast<std::uint8_t>(place)}) == node) return place;
  }
  return own;
}

// Calls visit(shard) for the calling thread's shard and then the others of its node, until it returns true.
template <typename Visit>
bool IdleBlocks::try_near(unsigned size_class, Visit visit) {
  const unsigned places = os::places.places();
  if (size_class > kLastSharded || places == 1) return visit(shards_[0]);
  const unsigned own = os::index_of(os::places.current());
  const os::Node node = os::places.node_of(os::Place{static_cast<std::uint8_t>(own)});
  for (unsigned i = 0; i < places; ++i) {
    const unsigned place = (own + i) % places;
    const bool is_near = os::places.node_of(os::Place{static_cast<std::uint8_t>(place)}) == node;
    if (is_near && visit(shards_[place])) return true;
  }
  return false;
}

bool IdleBlocks::note_reuses(const Run* run, std::uint32_t uses, std::uint64_t idle_ms) {
  const unsigned size_class = run->hand_class;
  return shards_[home_of(size_class, run->node)].note_reuses(size_class, run->site, uses, idle_ms, os::now_ms());
}

Run* IdleBlocks::take(std::size_t bytes, std::size_t alignment) {
  bool soon = false;
  return take(bytes, alignment, &soon);
}

Run* IdleBlocks::take_block(const IdleShard::Request& request, bool* soon) {
  Run* run = nullptr;
  try_near(request.size_class, [&](IdleShard& shard) {
    if (shard.stack(request.size_class).live() != 0) run = shard.take(request, soon);
    return run != nullptr;
  });
  return run;
}

Run* IdleBlocks::take(std::size_t bytes, std::size_t alignment, bool* soon) {
  const unsigned c = request_class(bytes);
  const IdleShard::Request request{c, bytes, alignment, os::now_ms()};
  Run* const run = take_block(request, soon);
  if (run == nullptr)
    try_near(c, [&](IdleShard& shard) { return shard.stack(c).has_marks_alone() && shard.take_mark(request); });
  return run;
}

Run* IdleBlocks::take_spare(std::size_t least, std::size_t most) {
  const unsigned first = request_class(least);
  const unsigned last = request_class(most);
  if (last == learn::kLargeClasses - 1) return nullptr;  // blocks of any length
  for (unsigned c = last;; --c) {
    const std::size_t bytes = c == first ? least : learn::large_class_bytes(c);
    bool soon = false;
    Run* const run = take_block({c, bytes, kGranuleBytes, os::now_ms()}, &soon);
    if (run != nullptr || c == first) return run;
  }
}

Run* IdleBlocks::take_longer(std::size_t bytes) {
  const unsigned last = request_class(clamp_size(kLendTimes * bytes, 0, knobs::kHugeFrom - 1));
  Run* run = nullptr;
  for (unsigned c = request_class(bytes) + 1; run == nullptr && c <= last; ++c) {
    bool soon = false;
    run = take_block({c, bytes, kGranuleBytes, os::now_ms(), true}, &soon);
  }
  return run;
}

// The oldest of all shards, in order: of the shard that has the oldest, those before the oldest of any other.
unsigned IdleBlocks::detach_oldest(const IdleShard::Selection& of, Run** batch, unsigned most) {
  const unsigned shards = shards_.count();
  if (shards == 1) return shards_[0].detach_oldest(of, kNeverMs, batch, most);
  unsigned n = 0;
  while (n < most) {
    IdleShard* first = nullptr;
    std::uint64_t first_ms = kNeverMs;
    std::uint64_t next_ms = kNeverMs;
    for (unsigned i = 0; i < shards; ++i) {
      const std::uint64_t oldest_ms = shards_[i].oldest_ms(of);
      if (oldest_ms < first_ms) {
        next_ms = first_ms;
        first_ms = oldest_ms;
        first = &shards_[i];
      } else if (oldest_ms < next_ms) {
        next_ms = oldest_ms;
      }
    }
    if (first == nullptr) break;
    n += first->detach_oldest(of, next_ms, batch + n, most - n);
  }
  return n;
}

// Several times what is wanted: what lies together then is found. Not everything, which would go back to the kernel after a second,
// if not at once (knobs::kDirtyLimit). A mapping makes no room in the store: those go only for their bytes.
//
// A block much longer than what is wanted stays: to take its pages one by one would cost the next
// request of its class all of them. One of which nobody knows that it will be wanted again goes, however long, a mapping too.
bool IdleBlocks::lend(std::size_t bytes, os::Node node) {
  const auto classes_up_to = [](std::size_t longest) { return request_class(clamp_size(longest, kLendFrom, knobs::kHugeFrom - 1)) + 1; };
  const unsigned classes = classes_up_to(kLendTimes * bytes);
  const IdleShard::Selection lenders{classes, learning.acts() ? classes_up_to(knobs::kHugeFrom) : classes, &node};
  const std::size_t wanted = clamp_size(kLendAtOnce * bytes, kLendFrom, kMostLent);
  std::size_t lent = 0;
  while (lent < wanted && !is_empty()) {
    Run* oldest = nullptr;
    if (detach_oldest(lenders, &oldest, 1) == 0) break;
    lent += oldest->is_huge() ? kLendAtOnce * oldest->bytes() : oldest->bytes();
    coalesce(oldest);
  }
  return lent != 0;
}

// So that memory does not grow with the number of lengths that a program has used lately.
void IdleBlocks::make_room() {
  Run* oldest = nullptr;
  if (!is_empty() && detach_oldest(kAnyBlock, &oldest, 1) != 0) coalesce(oldest);
}

void IdleBlocks::keep(Run* run, std::uint64_t freed_at_ms) {
  const std::size_t bytes = run->bytes();
  const learn::StackRule::OnFree rule = learning.note_freed(bytes, [bytes] { return resident_idle_bytes.load_relaxed() + bytes; });
  const bool at_once = rule == learn::StackRule::OnFree::kGoes || commitment.is_over_soft();
  IdleShard& home = shards_[home_of(class_served_by(bytes), run->node)];
  const IdleShard::Left left = home.keep(run, freed_at_ms, at_once);
  if (!background_runs()) free_lazily_over_limit(home);
  if (left.crowded_out != nullptr) coalesce(left.crowded_out);
  if (left.due_at_once != nullptr) give_back(left.due_at_once);
  if (rule == learn::StackRule::OnFree::kAllGo) give_all_back();
}

// Without a background thread nobody may come by again: what is beyond the limit is the kernel's to
// take when it needs it. The first shard, which has the longest blocks, comes first; then the one that
// has just got a block, which may make up for it; then one more, in turn, for what hands have got meanwhile.
void IdleBlocks::free_lazily_over_limit(IdleShard& home) {
  const std::size_t in_hands = hands.granted();
  const std::size_t limit = in_hands < knobs::kUnwatchedBytes ? knobs::kUnwatchedBytes - in_hands : 0;
  const auto lower = [limit](IdleShard& shard) {
    if (resident_idle_bytes.load_relaxed() > limit && shard.resident_bytes() != 0) shard.free_lazily_down_to(limit);
  };
  lower(shards_[0]);
  lower(home);
  if (resident_idle_bytes.load_relaxed() > limit) lower(shards_[lowered_.fetch_add_relaxed(1) % shards_.count()]);
}

// True once a period, for one caller.
bool IdleBlocks::is_time_to_decide(std::uint64_t now_ms) {
  std::uint64_t decided_at = decided_at_ms_.load_relaxed();
  return now_ms >= decided_at + kDecideMs && decided_at_ms_.try_replace_relaxed(decided_at, now_ms);
}

void IdleBlocks::decide(std::uint64_t now_ms) {
  const os::Stopwatch stopwatch(learning.spent_ns());
  shards_.for_each([now_ms](IdleShard& shard) { shard.tell_what_is_idle(now_ms); });
  learning.decide(now_ms, price_now());
  set_release_costs();
  shards_.for_each([](IdleShard& shard) { shard.ask_stack_rule(); });
}

// True once a minute, where it pays. For who has decided.
bool IdleBlocks::is_time_to_measure(std::uint64_t now_ms) {
  if (settings.learn != Learn::kOn || now_ms < measure_due_ms_.load_relaxed() || !learning.pays_for_measuring(now_ms)) return false;
  measure_due_ms_.store_relaxed(now_ms + kMeasureMs);
  return true;
}

void IdleBlocks::update_costs() {
  const os::Stopwatch stopwatch(learning.spent_ns());
  const learn::CostModel costs = measure_costs(learn::CostModel{});
  learning.set_costs(costs);
  know_small_pages(costs);
}

void IdleBlocks::tell_all(std::uint64_t now_ms) {
  shards_.for_each([now_ms](IdleShard& shard) { shard.tell(now_ms); });
}

void IdleBlocks::tick(std::uint64_t now_ms) {
  learn::CostModel measured;
  if (take_first_measured(&measured)) learning.set_costs(measured);
  tell_all(now_ms);
  const bool decides = is_time_to_decide(now_ms);
  if (decides) decide(now_ms);
  unsigned seen = 0;
  idle_due.begin_tick();
  shards_.for_each([&](IdleShard& shard) {
    Run* batch[kBatch];
    unsigned n = kBatch;
    while (n == kBatch) {
      n = shard.collect_due(now_ms, batch, kBatch, &seen);
      give_back_all(batch, n);
    }
  });
  // Looking at every entry must stay cheap beside what happens in between.
  idle_due.end_tick(now_ms + kTickMs + seen / kSeenPerMs);
  if (!is_empty()) idle_due.note(decided_at_ms_.load_relaxed() + kDecideMs);
  if (hands.granted() != 0) idle_due.note(now_ms + Hands::kLookMs);
  if (decides && is_time_to_measure(now_ms)) update_costs();
}

void IdleBlocks::give_all_back() {
  unsigned n = kBatch;
  while (n == kBatch) {
    Run* batch[kBatch];
    n = detach_oldest(kAnyBlock, batch, kBatch);
    given_back_.fetch_add_relaxed(n);
    give_back_all(batch, n);
  }
}

// A block that is used again between the two steps is in neither sum.
void IdleBlocks::add_evidence(const learn::Profile& recorded, learn::Profile& into) {
  tell_all(os::now_ms());
  learning.look([&] { learn::merge(into, recorded); });
  shards_.for_each([&](IdleShard& shard) {
    shard.look(true, [&, now = os::now_ms()](const IdleEntry& entry) {
      const learn::Context& context = learning.learner().context(entry.context);
      const std::uint64_t idle_ms = now < entry.freed_at_ms ? 0 : now - entry.freed_at_ms;
      learn::add(into.of(context).left, static_cast<double>(idle_ms) * 1e-3);
    });
  });
}

IdleUse IdleBlocks::use() {
  IdleUse sum{0, 0, given_back_.load_relaxed(), 0, 0, 0};
  shards_.for_each([&sum](const IdleShard& shard) {
    const IdleUse one = shard.use();
    sum.held_bytes += one.held_bytes;
    sum.lazy_bytes += one.lazy_bytes;
    sum.releases += one.releases;
    sum.reuses += one.reuses;
    sum.late_reuses += one.late_reuses;
    sum.refault_bytes += one.refault_bytes;
  });
  return sum;
}

bool IdleBlocks::lock_is_mine() {
  bool mine = report_lock_.is_mine() || learning.lock_is_mine();
  shards_.for_each([&mine](const IdleShard& shard) { mine = mine || shard.lock_is_mine(); });
  return mine;
}

bool IdleBlocks::lock_for_fork(bool patient) {
  bool done = report_lock_.lock_for_fork(patient);
  shards_.for_each([&](IdleShard& shard) { done = done && shard.lock_for_fork(patient); });
  return done && learning.lock_for_fork(patient);
}

void IdleBlocks::unlock_after_fork(bool in_child) {
  learning.unlock_after_fork(in_child);
  shards_.for_each([in_child](IdleShard& shard) { shard.unlock_after_fork(in_child); });
  report_lock_.unlock_after_fork(in_child);
}

}  // namespace hakmem
