// See trace_order.hpp.
#include "trace_order.hpp"

#include <algorithm>
#include <unordered_map>

namespace hakmem::cli {
namespace {

using trace::EventKind;
using trace::FileEvent;

constexpr std::uint32_t kUnnumbered = ~std::uint32_t{0};

// A resize that moved its block counts as two steps: the old address goes before the call, the new
// one comes after it.
enum class StepKind { kAllocate, kFree, kResizeInPlace, kMoveOut, kMoveIn };

// How far one thread is.
struct Head {
  const std::vector<FileEvent>* events;
  std::size_t index = 0;
  bool moving = false;            // between kMoveOut and kMoveIn of this event
  std::uint64_t moved_block = 0;  // then; 0: one that the trace does not know
  std::uint32_t thread = kUnnumbered;

  bool done() const { return index == events->size(); }
  const FileEvent& event() const { return (*events)[index]; }

  StepKind step() const {
    if (event().kind == EventKind::kAllocate) return StepKind::kAllocate;
    if (event().kind == EventKind::kFree) return StepKind::kFree;
    if (event().address == event().old_address) return StepKind::kResizeInPlace;
    return moving ? StepKind::kMoveIn : StepKind::kMoveOut;
  }

  std::uint64_t time_ns() const {
    const StepKind now = step();
    const bool after_call = now == StepKind::kResizeInPlace || now == StepKind::kMoveIn;
    return event().time_ns + (after_call ? event().took_ns : 0);
  }

  void advance() {
    moving = step() == StepKind::kMoveOut;
    if (!moving) ++index;
  }
};

bool is_later(const Head& a, const Head& b) { return a.time_ns() > b.time_ns(); }

class Order {
 public:
  Order(const std::vector<ThreadEvents>& threads, bool frees_may_be_strange, Trace& trace)
      : frees_may_be_strange_(frees_may_be_strange), trace_(trace) {
    std::size_t events = 0;
    for (const ThreadEvents& one : threads) {
      if (!one.events.empty()) heads_.push_back({&one.events});
      events += one.events.size();
    }
    trace.events.reserve(events);
  }

  void run() {
    std::make_heap(heads_.begin(), heads_.end(), is_later);
    while (!heads_.empty()) {
      const std::size_t next = is_possible(heads_[0]) ? 0 : first_possible();
      take(heads_[next]);
      heads_[next].advance();
      settle(next);
    }
  }

 private:
  bool lives(std::uint64_t address) const { return living_.contains(address); }

  bool is_possible(const Head& head) const {
    const StepKind step = head.step();
    if (step == StepKind::kAllocate || step == StepKind::kMoveIn) return !lives(head.event().address);
    return lives(step == StepKind::kMoveOut ? head.event().old_address : head.event().address);
  }

  // The earliest head within the slack that can be; else the one in front. Rare, so a scan will do.
  std::size_t first_possible() const {
    const std::uint64_t limit = heads_[0].time_ns() + kSlackNs;
    std::size_t best = 0;
    for (std::size_t i = 1; i < heads_.size(); ++i) {
      if (heads_[i].time_ns() > limit || !is_possible(heads_[i])) continue;
      if (best == 0 || is_later(heads_[best], heads_[i])) best = i;
    }
    return best;
  }

  // Makes heads_ a heap again after the time of one has changed.
  void settle(std::size_t changed) {
    if (changed == 0) {
      std::pop_heap(heads_.begin(), heads_.end(), is_later);
    } else {
      std::swap(heads_[changed], heads_.back());
    }
    if (heads_.back().done()) {
      heads_.pop_back();
      if (changed != 0) std::make_heap(heads_.begin(), heads_.end(), is_later);
    } else if (changed != 0) {
      std::make_heap(heads_.begin(), heads_.end(), is_later);
    } else {
      std::push_heap(heads_.begin(), heads_.end(), is_later);
    }
  }

  void take(Head& head) {
    const FileEvent& event = head.event();
    switch (head.step()) {
      case StepKind::kAllocate:
        return enter(head, 0);
      case StepKind::kFree:
        return free(head);
      case StepKind::kResizeInPlace:
        return enter(head, leave(event.address));
      case StepKind::kMoveOut:
        head.moved_block = leave(event.old_address);
        return;
      case StepKind::kMoveIn:
        return enter(head, head.moved_block);
    }
  }

  // The block at this address goes from it; 0 when there is none.
  std::uint64_t leave(std::uint64_t address) {
    const auto found = living_.find(address);
    if (found == living_.end()) return 0;
    const std::uint64_t block = found->second;
    living_.erase(found);
    return block;
  }

  void free(Head& head) {
    const std::uint64_t block = leave(head.event().address);
    if (block != 0) return add(head, Op::kFree, block);
    if (!frees_may_be_strange_) ++trace_.lost;
  }

  // `resized`: the block that comes to the event's address; 0 for a new one.
  void enter(Head& head, std::uint64_t resized) {
    if (const std::uint64_t former = leave(head.event().address); former != 0) {
      ++trace_.lost;
      add(head, Op::kFree, former);
    }
    const std::uint64_t block = resized != 0 ? resized : ++blocks_;
    living_.emplace(head.event().address, block);
    add(head, resized != 0 ? Op::kResize : Op::kAllocate, block);
  }

  void add(Head& head, Op op, std::uint64_t block) {
    if (head.thread == kUnnumbered) head.thread = threads_++;
    last_ns_ = std::max(last_ns_, head.time_ns());
    Event event{last_ns_, block, 0, head.thread, 0, op};
    if (op != Op::kFree) {
      event.size = head.event().size;
      event.site = static_cast<std::uint32_t>(head.event().site);
    }
    trace_.events.push_back(event);
  }

  bool frees_may_be_strange_;
  Trace& trace_;
  std::vector<Head> heads_;                                  // a heap, the earliest in front
  std::unordered_map<std::uint64_t, std::uint64_t> living_;  // the block at an address
  std::uint64_t blocks_ = 0;
  std::uint64_t last_ns_ = 0;
  std::uint32_t threads_ = 0;
};

}  // namespace

void put_in_order(const std::vector<ThreadEvents>& threads, bool frees_may_be_strange,
                  Trace& trace) {
  Order(threads, frees_may_be_strange, trace).run();
}

}  // namespace hakmem::cli
