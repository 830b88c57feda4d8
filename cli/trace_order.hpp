// One order for the events of all threads, and one number for each block.
//
// A file has each thread's events in order, with times of one clock, and blocks by their address.
// An address names one block after another, so it depends on the order whose free is whose. What
// makes it work: a free is stamped before the call and an allocation after it, so when thread B
// gets the address that thread A gave back, A's stamp is not above B's. Clocks of two processors
// may still differ a little. An event that cannot be (a free of nothing, an allocation over a
// living block) therefore lets one pass that can, of another thread and at most kSlackNs later.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/format.hpp"
#include "trace_event.hpp"

namespace hakmem::cli {

inline constexpr std::uint64_t kSlackNs = 1000;

struct ThreadEvents {
  std::vector<trace::FileEvent> events;  // sites are indexes into Trace::sites
};

// Fills events, and adds what has no place in the order to lost: an allocation over a living block
// ends that block, and counts its missing free. `frees_may_be_strange`: frees of unknown blocks are
// expected, because small blocks were not recorded; they go without being counted.
void put_in_order(const std::vector<ThreadEvents>& threads, bool frees_may_be_strange,
                  Trace& trace);

}  // namespace hakmem::cli
