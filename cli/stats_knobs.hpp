// What a statistics record says of adaptive knobs and of huge pages.
#pragma once

#include <string>

#include "hakmem/stats.h"

namespace hakmem::cli {

// Their effort, their bill, and a row per knob; nothing where knobs do not move. Ends with an empty
// line.
std::string knobs_text(const hak_stats& stats, bool colours);

// How full the 2 MiB units are that may have huge pages; nothing where there are none. Ends with an
// empty line.
std::string huge_units_text(const hak_stats& stats);

}  // namespace hakmem::cli
