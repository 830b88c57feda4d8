// Move pages: what MemoryOps::move_pages() does (os/memory.hpp).
#pragma once

#include <cstddef>

namespace hakmem::os {

// Sets errno.
std::size_t kernel_move_pages(std::byte* from, std::size_t bytes, std::byte* to);

}  // namespace hakmem::os
