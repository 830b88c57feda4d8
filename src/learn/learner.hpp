// Learner: observations of idle blocks in, an arm for each context out.
//
//   block freed    context = context_of(class, position, site)       the block keeps it
//                  or find() or make() it, and note_freed(context, count) for many at once
//   block reused   note_reused(context), observe(context, bytes, idle time)
//   each tick      observe_idle(context, bytes, idle time so far) for blocks that wait, decide(now)
//   any time       find(), arm_of(context), rests_on_guess(context): relaxed and acquire loads
//
// It knows no allocator, no clock and no heap: the same calls give the same arms.
// Invariants:
//   (1) state_[c] is started for every context c that context_of has returned;
//   (2) arm_[c] is state_[c].arm, and rounds_[c] is state_[c].rounds, or 2 if that is more.
//
// Sizes: 258 bytes a context and 208 for its account, 256 contexts; 208 bytes for each of 128
// sites' accounts; 156 KiB in all, touched as contexts appear. Above: large, the simulator. Below:
// selectors, contexts, sites, profile. One caller at a time, except for key_of, find, context, arm_of,
// rests_on_guess and is_unknown, which any thread may call.
#pragma once

#include "base/atomics.hpp"
#include "learn/contexts.hpp"
#include "learn/profile.hpp"
#include "learn/regret.hpp"
#include "learn/selector.hpp"
#include "learn/sites.hpp"

namespace hakmem::learn {

class Learner {
 public:
  Learner(const CostModel& model, double price, const SelectorChoice& choice)
      : model_(model), price_(price), choice_(choice) {}

  // Where a block just freed belongs: `position` idle blocks of its class lie below it, and `site`
  // had it last.
  ContextId context_of(unsigned size_class, std::size_t position, Site site, unsigned node = 0);

  // The same in steps, for callers that tell of frees later. False: it has to be made.
  Context key_of(unsigned size_class, std::size_t position, Site site, unsigned node) const {
    return {size_class, depth_of(position), sites_.group_of(size_class, site), node % kNodes};
  }
  bool find(const Context& key, ContextId& into) const { return table_.find(key, into); }
  ContextId make(const Context& key);
  void note_freed(ContextId context, std::uint32_t blocks);

  // Blocks are used again. Cheap, to be told of each; what observe() is told may be a sample.
  void note_reused(ContextId context, std::uint32_t blocks = 1);

  // A block was idle for idle_s, so much of it unwatched, and is used again. `bytes` may differ between blocks of a context.
  void observe(ContextId context, std::size_t bytes, double idle_s, const Unwatched& unwatched = {});

  // A block has been idle for idle_s and still is; it stands for so many `blocks`. Counts for the
  // next decide() alone, so it is to be told again before each.
  void observe_idle(ContextId context, std::size_t bytes, double idle_s, float blocks, const Unwatched& unwatched = {});

  // The block that was observed last had been of this class, and of `site`: what splitting by site
  // rests on, and what each site has cost.
  void observe_site(unsigned size_class, Site site, double idle_s);

  // What was learned before; it must stay as it is. Before any block is idle.
  void start_from(const Profile& before);

  // What is observed from now on is added to `profile` too. nullptr: no more.
  void record_in(Profile* profile) { record_ = profile; }

  // For the profile's record of blocks that will not be used again.
  const Context& context(ContextId id) const { return context_[index_of(id)]; }

  // The process is now_s old: what first guesses go by. decide() says so too.
  void pass_time(double now_s) { now_s_ = now_s; }

  // Lets every context change its arm; true when one did.
  bool decide(double now_s);

  ArmId arm_of(ContextId context) const {
    return static_cast<ArmId>(arm_[index_of(context)].load_relaxed());
  }

  // The context's arm rests on no more than one reuse.
  bool rests_on_guess(ContextId context) const {
    return !is_settled(choice_) && rounds_[index_of(context)].load_relaxed() <= 1;
  }

  // No block of the context has been observed, in this process or an earlier one.
  bool is_unknown(ContextId context) const { return rounds_[index_of(context)].load_relaxed() == 0; }

  // From now on; what has been scored stays as it was.
  void set_price(double price) { price_ = price; }
  void set_costs(const CostModel& model) { model_ = model; }

  const RegretAccount& regret() const { return regret_; }
  const RegretAccount& regret_of(ContextId context) const { return regret_of_[index_of(context)]; }
  std::size_t contexts() const { return table_.used(); }
  template <typename Visit>
  void for_each_context(Visit visit) const {
    table_.for_each(visit);
  }
  const SiteTable& sites() const { return sites_; }
  bool is_split(unsigned size_class) const { return sites_.is_split(size_class); }

 private:
  void start_context(ContextId id, const Context& context);
  bool decide_one(std::size_t i);
  void publish_rounds(std::size_t i);

  CostModel model_;
  double price_;
  SelectorChoice choice_;
  double now_s_ = 0;
  Turnover first_{};  // of contexts before their first reuse
  ContextTable table_;
  SiteTable sites_;
  Bills last_bills_ = {};  // of the block observed last, and the arm that was in force
  ArmId last_arm_ = kKeep;
  RegretAccount regret_;
  RegretAccount regret_of_[ContextTable::kSlots];
  const Profile* before_ = nullptr;
  Profile* record_ = nullptr;
  Context context_[ContextTable::kSlots] = {};
  SelectorState state_[ContextTable::kSlots];  // untouched until started: 16 pages
  Atomic<std::uint8_t> arm_[ContextTable::kSlots];
  Atomic<std::uint8_t> rounds_[ContextTable::kSlots];
};

}  // namespace hakmem::learn
