// Stats file: the public record (include/hakmem/stats.h) in a shared mapping of the file that
// HAKMEM_STATS names. A reader sees a whole record when `sequence` is even and the same before and
// after it has copied it.
//
// Above: api. Below: os. One writer at a time.
#pragma once

#include "hakmem/stats.h"

namespace hakmem {

// Creates the file; "%p" in the path becomes the process id. A line on stderr when it cannot.
void open_stats_file(const char* path);

// The record to fill, or nullptr: no file, or this process is a forked child whose parent writes it.
// A child opens a file of its own when the path has "%p".
hak_stats* begin_stats_update();
void end_stats_update(hak_stats* file, const hak_stats& stats);

}  // namespace hakmem
