// For tests of large histories: a trace of events at whole seconds.
#pragma once

#include <utility>
#include <vector>

#include "large_history.hpp"

namespace hakmem::cli {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

inline LargeHistory history_of(std::vector<Event> events, std::uint64_t end_second) {
  Trace trace;
  trace.events = std::move(events);
  trace.end_ns = end_second * kSecond;
  return large_history_of(trace);
}

}  // namespace hakmem::cli
