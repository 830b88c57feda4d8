// Last resort: what is tried before an allocation fails for want of memory.
//
//   limit or system refuses --> the flat page map, where a limit counts it, and everything idle go back
//                           --> the program's callback --> one retry
//   a large block           --> the address space of what is free                    --> another
//
// Above: refill, large, user heaps. Below: housekeeping. Any thread that holds no lock.
#pragma once

#include <cstddef>

namespace hakmem {

// May free memory, allocate, and take as long as it likes. `bytes`: what could not be had.
using LimitCallback = void (*)(std::size_t bytes);

// nullptr: none. Returns the one before.
LimitCallback set_limit_callback(LimitCallback callback);

// Everything idle that this thread can reach, to the kernel, now; other threads empty their caches at
// their next slow path.
void give_everything_back();

// To be followed by one retry. A callback that comes back here is not called again. Keeps errno.
void find_memory(std::size_t bytes);

// After that, for a block that may be longer than what is free side by side. True: some has gone back.
bool find_address_space(std::size_t bytes);

}  // namespace hakmem
