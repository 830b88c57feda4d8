// Allocate: the operations behind the malloc family, without its errors and names.
//
// nullptr means no memory, or an impossible size; callers say so in their own way. Any thread.
#pragma once

#include <cstddef>

#include "thread/hot.hpp"

namespace hakmem {

// Zeroed. Overflow of count * size is nullptr.
void* allocate_zeroed(std::size_t count, std::size_t size);

// `alignment` is a power of two.
void* allocate_aligned(std::size_t alignment, std::size_t size);

// realloc for a block that is not nullptr and a size that is not 0.
void* reallocate(void* block, std::size_t size, const void* caller);

// 0 for nullptr and for what is not ours and has no next allocator.
std::size_t usable_size(const void* block);

// How many bytes of our block, tagged `tag`, may be used; 0 where no block starts.
std::size_t block_bytes(const void* block, Tag tag);

// Makes the block, tagged `tag`, hold `size` bytes without another block: where it is, or by moving
// its pages. nullptr: it cannot, nothing has changed.
void* resize_same_block(void* block, Tag tag, std::size_t size, const void* caller);

// Whether a block of `held` bytes should stay where it is when asked to hold `size`.
constexpr bool fits_in_place(std::size_t size, std::size_t held) {
  return size <= held && (size > held / 2 || held <= kFineLimit);
}

// Everything free within this thread's reach goes back to the kernel. True when anything did.
bool trim();

}  // namespace hakmem
