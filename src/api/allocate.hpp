// Allocate: the operations behind the malloc family, without its errors and names.
//
// nullptr means no memory, or an impossible size; callers say so in their own way. Any thread.
#pragma once

#include <cstddef>
#include <cstring>

#include "thread/hot.hpp"

namespace hakmem {

// Above 32 KiB, zeroed. `caller`: the site in the program, which a large block remembers.
void* allocate_large_zeroed(std::size_t bytes, const void* caller);

// Blocks that no size class has. nullptr as the caller: it is not known.
void* allocate_large_aligned(std::size_t alignment, std::size_t size, const void* caller);

// Those that end in _here are inlined for sure, into the function that the program has called: so
// the return address is the place in the program. It is read where it is needed: a small block has
// no use for it.
[[gnu::always_inline]] inline void* allocate_here(std::size_t size) {
  return allocate_or(
      size, [](std::size_t bytes) __attribute__((always_inline)) {
        return allocate_large_for(bytes, __builtin_return_address(0));
      });
}

// Zeroed. Overflow of count * size is nullptr.
[[gnu::always_inline]] inline void* allocate_zeroed_here(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  if (HAK_UNLIKELY(bytes > kMaxSmall))
    return allocate_large_zeroed(bytes, __builtin_return_address(0));
  void* block = allocate(bytes);
  return block == nullptr ? nullptr : std::memset(block, 0, bytes);
}

// `alignment` is a power of two.
[[gnu::always_inline]] inline void* allocate_aligned_here(std::size_t alignment, std::size_t size) {
  if (alignment <= kMinAlign) return allocate_here(size);
  const std::size_t c = aligned_class_index(size, alignment);
  return c < kClasses ? pop_block(c)
                      : allocate_large_aligned(alignment, size, __builtin_return_address(0));
}

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
