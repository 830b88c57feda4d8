// Sites: a number for each place in the program that calls the allocator.
//
// The table maps return addresses to numbers and only grows: 16,384 places, the rest are 0,
// unknown. A place is defined in the trace, as module and offset, when its number is given. Code
// that is unloaded keeps its numbers; other code at the same address inherits them.
//
// Above: recorder. Below: trace output. Any thread that is not within the output already.
#pragma once

#include <cstdint>

namespace hakmem::trace {

// 0 when the table is full.
std::uint64_t site_number(std::uintptr_t return_address);

}  // namespace hakmem::trace
