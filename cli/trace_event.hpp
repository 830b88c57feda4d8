// Event: one call of the allocator, as a trace recorded it or a generator made it.
//
// A trace in memory is its events in time order. Blocks are numbered from 1 in the order they were
// allocated; a number is never used twice, and a resized block keeps its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hakmem::cli {

enum class Op : std::uint8_t { kAllocate, kFree, kResize };

struct Event {
  std::uint64_t time_ns = 0;  // since the trace began
  std::uint64_t block = 0;
  std::uint64_t size = 0;    // bytes asked for; 0 for kFree
  std::uint32_t thread = 0;  // numbered from 0 in order of appearance
  std::uint32_t site = 0;    // index into Trace::sites; 0: unknown
  Op op = Op::kAllocate;
};

struct Trace {
  std::vector<Event> events;
  std::vector<std::string> sites;  // "module+0xoffset" of the call; [0] is "unknown"
  std::uint64_t end_ns = 0;        // when the program ended: at or after the last event
  std::uint64_t lost = 0;          // events that happened and are not here
  bool truncated = false;          // the file ended early; what is here is whole
};

}  // namespace hakmem::cli
