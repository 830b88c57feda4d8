// A statistics record as people read it and as programs read it. Both come from one list of
// figures, so that they cannot tell different things.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hakmem/stats.h"

namespace hakmem::cli {

// "0 B", "1000 B", "1.50 KiB", "12.3 MiB".
std::string bytes_text(std::uint64_t bytes);

// "0", "1.50 us", "12.3 ms", "3.00 s".
std::string seconds_text(double seconds);

// What is held and why, what was learned, adaptive knobs and huge pages where there are any, then
// one row per size class that has slabs.
std::string stats_text(const hak_stats& stats, bool colours);

nlohmann::json stats_json(const hak_stats& stats);

}  // namespace hakmem::cli
