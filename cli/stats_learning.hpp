// What a statistics record says of learning: its settings, its effort, its bill, and a row per
// context.
#pragma once

#include <string>

#include "hakmem/stats.h"

namespace hakmem::cli {

// Ends with an empty line.
std::string learning_text(const hak_stats& stats, bool colours);

}  // namespace hakmem::cli
