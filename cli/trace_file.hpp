// Traces in files: what `hakmem record` wrote and generators made. The format is in
// src/trace/format.hpp. A file may be compressed by gzip; one that is written to NAME.gz is.
#pragma once

#include <stdexcept>
#include <string>

#include "trace_event.hpp"

namespace hakmem::cli {

// No trace, a newer one, or a damaged one; the text is for the user.
struct TraceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The whole of it, in one order. A file that ends early is read up to there, and `truncated` is
// set. Frees of blocks that the trace does not know are left out; they count as lost when blocks of
// every size were recorded.
Trace read_trace(const std::string& path);

// `trace` is in time order. read_trace() gives the same back when blocks are numbered from 1 in the
// order of their allocation, threads from 0 in order of appearance, and all sites are used.
void write_trace(const std::string& path, const Trace& trace);

}  // namespace hakmem::cli
