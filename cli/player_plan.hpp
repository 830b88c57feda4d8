// Player plan: what hakmem-player does, laid out so that it needs no memory but the mapped file.
//
//   PlanHeader | PlanThread x threads | PlanEvent x events, thread by thread
//
// Blocks live in slots. Every event of a slot has a turn, counted over all threads from 0: it waits
// until the turn before it is over. So a free follows its allocation, wherever each of them runs,
// and the first user of a slot follows the last user before. Turns of one slot rise with the order
// of the trace, so threads that wait for each other always wait for an earlier event.
#pragma once

#include <cstdint>

namespace hakmem::cli {

inline constexpr std::uint64_t kMaxPlanThreads = 4096;

struct PlanHeader {
  std::uint64_t threads;
  std::uint64_t slots;
  std::uint64_t events;
  std::uint64_t end_ns;  // when the replay ends, at the earliest
};

struct PlanThread {
  std::uint64_t first;  // index of its first event
  std::uint64_t events;
};

enum class PlanOp : std::uint64_t { kAllocate = 0, kFree = 1, kResize = 2 };

struct PlanEvent {
  std::uint64_t time_ns;  // since the replay began, at the earliest
  std::uint64_t size : 62;
  PlanOp op : 2;
  std::uint32_t slot;
  std::uint32_t turn;
};

// What the player prints, as "name value" lines, is this.
struct PlayerResult {
  std::uint64_t allocations;
  std::uint64_t frees;
  std::uint64_t resizes;
  std::uint64_t refused;  // allocations and resizes that gave nothing
  double wall_seconds;
  double cpu_seconds;
  double rss_byte_seconds;       // resident bytes above the player's own, summed over time
  std::uint64_t peak_rss_bytes;  // above the player's own
  std::uint64_t minor_faults;
};

}  // namespace hakmem::cli
