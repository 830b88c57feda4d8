// Prefault: makes new memory resident in one call, by the bill (learn/prefault.hpp), for who knows how much of
// it the program will touch in a moment.
//
// Above: heap, large. Below: known costs, learn. Any thread, in slow paths; no locks.
#pragma once

#include <cstddef>

namespace hakmem {

// Whether it pays for new memory of whose pages this share is expected to be touched, 0 to 1. Never where learning does
// not act, or half of a memory limit is used.
bool prefault_pays(double touched_share);

// Whole pages, of small ones. False: the kernel cannot, or has no memory for all.
bool prefault(std::byte* start, std::size_t bytes);

// So far.
std::size_t prefaulted_bytes();

}  // namespace hakmem
