// New handler: what operator new does when its first attempt has failed.
#pragma once

#include <cstddef>

namespace hakmem {

// Calls the program's new-handlers until a block can be had; nullptr when there is no handler left.
// A handler may throw through it.
void* ask_new_handlers(std::size_t size, std::size_t alignment);

// The same, for the forms of new that do not throw: nullptr when a handler has thrown.
void* retry_nothrow(std::size_t size, std::size_t alignment);

}  // namespace hakmem
