// Explain: a record of statistics as text: what is held and why, which arm each class is under, and
// what that has saved. For hak_explain(); `hakmem stats` has more room and colours.
//
// Above: api. Below: text. Pure function, allocates nothing.
#pragma once

#include <cstddef>

#include "hakmem/stats.h"

namespace hakmem {

// Writes at most size - 1 characters and a zero byte. Returns the length of the whole text.
std::size_t explain(const hak_stats& stats, char* buffer, std::size_t size);

}  // namespace hakmem
