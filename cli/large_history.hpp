// Large history: the large blocks of a trace, as any release policy meets them.
//
//   block      live ------ freed | idle, in its class's stack | reused ------ live
//   span                         [freed_ns ......... until_ns)
//
// Blocks above 32 KiB are freed onto a stack for each size class and reused newest first, whatever
// a policy does with their pages meanwhile. So the idle spans are the same under every policy, and
// are found once. Sizes are rounded up to the class; blocks above 1 GiB count as 1 GiB. A resized
// block takes its pages along (mremap) and leaves nothing idle.
//
// Beside that, as if any page served any block: how many pages are live, and how long those that are not have waited.
#pragma once

#include <cstdint>
#include <vector>

#include "trace_event.hpp"

namespace hakmem::cli {

struct IdleSpan {
  std::uint64_t freed_ns;
  std::uint64_t until_ns;  // reused, or the trace's end
  std::uint64_t bytes;
  std::uint32_t position;  // idle blocks of the class below it
  std::uint32_t site;      // of the allocation that had the block
  std::uint32_t size_class;
  bool reused;

  double idle_s() const { return static_cast<double>(until_ns - freed_ns) * 1e-9; }
};

// A span begins or ends.
struct Step {
  std::uint64_t time_ns;
  std::uint32_t span;
  bool begins;
};

// Memory that is held changes: new blocks, resized ones; and what policies add to that.
struct Change {
  std::uint64_t time_ns;
  std::int64_t bytes;
};

// Pages that some block left and some block took again: of all blocks together, those left last first.
struct PageSpan {
  std::uint64_t freed_ns;
  std::uint64_t until_ns;
  std::uint64_t pages;
};

struct LargeHistory {
  std::vector<IdleSpan> spans;  // by freed_ns
  std::vector<Step> steps;      // by time_ns
  std::vector<Change> fresh;    // by time_ns: blocks that no idle one could serve, and resizes
  std::vector<PageSpan> page_spans;  // by until_ns
  std::uint64_t end_ns = 0;
  std::uint64_t large_events = 0;
  double live_gib_s = 0;
  double live_peak_bytes = 0;
  double live_page_gib_s = 0;  // the same of the bytes asked for, as if they lay side by side
  std::uint64_t peak_pages = 0;
};

LargeHistory large_history_of(const Trace& trace);

}  // namespace hakmem::cli
