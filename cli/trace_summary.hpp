// What a trace holds, for people: how much of what, by size and by call site, and for how long.
#pragma once

#include <string>

#include "trace_event.hpp"

namespace hakmem::cli {

std::string trace_text(const Trace& trace, bool colours);

// "250 ns", "1.50 us", "12.3 ms", "4.0 s", "2.5 min".
std::string time_text(std::uint64_t ns);

}  // namespace hakmem::cli
