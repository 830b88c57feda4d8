// Prefault: makes new memory resident in one call, by the bill (learn/prefault.hpp), for who knows how much of
// it the program will touch in a moment.
//
// Above: heap, large. Below: known costs, learn. Any thread, in slow paths; no locks.
#pragma once

#include <cstddef>

namespace hakmem {

// Whether it pays for new memory of whose pages this share will be touched, 0 to 1.
bool prefault_pays(double touched_share);

// Whole pages, of small ones.
void prefault(std::byte* start, std::size_t bytes);

// So far.
std::size_t prefaulted_bytes();

}  // namespace hakmem
