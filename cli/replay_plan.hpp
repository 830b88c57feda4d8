// Replay plan: a trace made ready for hakmem-player (player_plan.hpp). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "player_plan.hpp"
#include "trace_event.hpp"

namespace hakmem::cli {

// Only the blocks of at least `bytes`: one that grows to that size is allocated then, one that
// shrinks below it is freed. Numbers and times stay.
Trace keep_from(const Trace& trace, std::uint64_t bytes);

struct PlanOptions {
  std::optional<double> speed = 1;  // 2: twice as fast; none: without any pause
  bool one_thread = false;
};

// The plan's bytes. Throws TraceError when the trace is empty, or has too many threads.
std::vector<std::byte> make_plan(const Trace& trace, const PlanOptions& options);

}  // namespace hakmem::cli
