// A statistics record in the text format of OpenMetrics 1.0, which Prometheus and others collect.
#pragma once

#include <string>

#include "hakmem/stats.h"

namespace hakmem::cli {

// All families begin with hakmem_; the last line is "# EOF".
std::string stats_openmetrics(const hak_stats& stats);

}  // namespace hakmem::cli
