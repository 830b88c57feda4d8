// See replay_plan.hpp.
#include "replay_plan.hpp"

#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "trace_file.hpp"

namespace hakmem::cli {
namespace {

// A slot just freed by one thread makes the next one that takes it wait for that. So slots are used
// again in the order of their frees, and not before this many others.
constexpr std::size_t kSlotsAtRest = 1024;

class SlotTable {
 public:
  // The slot and turn of an event, in the order of the trace.
  void place(const Event& event, PlanEvent& planned) {
    if (event.op == Op::kAllocate) slot_of_[event.block] = take();
    const std::uint32_t slot = slot_of_.at(event.block);
    planned.slot = slot;
    planned.turn = turns_[slot]++;
    if (event.op != Op::kFree) return;
    slot_of_.erase(event.block);
    free_.push_back(slot);
  }

  std::size_t size() const { return turns_.size(); }

 private:
  std::uint32_t take() {
    if (free_.size() > kSlotsAtRest) {
      const std::uint32_t slot = free_.front();
      free_.pop_front();
      return slot;
    }
    turns_.push_back(0);
    return static_cast<std::uint32_t>(turns_.size() - 1);
  }

  std::unordered_map<std::uint64_t, std::uint32_t> slot_of_;  // by block
  std::vector<std::uint32_t> turns_;                          // by slot
  std::deque<std::uint32_t> free_;
};

std::uint64_t scaled(std::uint64_t time_ns, const std::optional<double>& speed) {
  return speed ? static_cast<std::uint64_t>(static_cast<double>(time_ns) / *speed) : 0;
}

PlanOp plan_op(Op op) {
  return op == Op::kAllocate ? PlanOp::kAllocate
         : op == Op::kFree   ? PlanOp::kFree
                             : PlanOp::kResize;
}

template <typename Value>
std::byte* put(std::byte* to, const Value* values, std::size_t count) {
  if (count > 0) std::memcpy(to, values, count * sizeof(Value));
  return to + count * sizeof(Value);
}

std::vector<std::byte> lay_out(const std::vector<std::vector<PlanEvent>>& threads,
                               PlanHeader header) {
  header.threads = threads.size();
  std::vector<PlanThread> parts;
  for (const auto& events : threads) {
    parts.push_back({header.events, events.size()});
    header.events += events.size();
  }
  std::vector<std::byte> bytes(sizeof header + parts.size() * sizeof(PlanThread) +
                               header.events * sizeof(PlanEvent));
  std::byte* to = put(bytes.data(), &header, 1);
  to = put(to, parts.data(), parts.size());
  for (const auto& events : threads) to = put(to, events.data(), events.size());
  return bytes;
}

}  // namespace

Trace keep_from(const Trace& trace, std::uint64_t bytes) {
  Trace kept{{}, trace.sites, trace.end_ns, trace.lost, trace.truncated};
  std::unordered_set<std::uint64_t> blocks;
  for (Event event : trace.events) {
    const bool known = blocks.contains(event.block);
    const bool large = event.op != Op::kFree && event.size >= bytes;
    if (!known && !large) continue;
    if (!known) event.op = Op::kAllocate;
    if (!large) {
      event.op = Op::kFree;
      event.size = 0;
      event.site = 0;
      blocks.erase(event.block);
    } else {
      blocks.insert(event.block);
    }
    kept.events.push_back(event);
  }
  return kept;
}

std::vector<std::byte> make_plan(const Trace& trace, const PlanOptions& options) {
  if (trace.events.empty()) throw TraceError("there is nothing to replay: the trace has no events");
  SlotTable slots;
  std::vector<std::vector<PlanEvent>> threads;
  for (const Event& event : trace.events) {
    const std::size_t thread = options.one_thread ? 0 : event.thread;
    if (thread >= threads.size()) threads.resize(thread + 1);
    PlanEvent planned{};
    planned.time_ns = scaled(event.time_ns, options.speed);
    planned.size = event.size & 0x3fff'ffff'ffff'ffff;
    planned.op = plan_op(event.op);
    slots.place(event, planned);
    threads[thread].push_back(planned);
  }
  if (threads.size() > kMaxPlanThreads) {
    throw TraceError(
        fmt::format("the trace has {} threads; {} can be played, or all in one: --one-thread",
                    threads.size(), kMaxPlanThreads));
  }
  PlanHeader header{};
  header.slots = slots.size();
  header.end_ns = scaled(trace.end_ns, options.speed);
  return lay_out(threads, header);
}

}  // namespace hakmem::cli
