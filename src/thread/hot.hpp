// Hot: everything that a warm malloc or free executes.
//
//   allocate(n)                                  deallocate(p)
//     class of n: one table look-up                tag of p: one page-map look-up
//     top of the class's magazine                  tag ^ own tag: the class, if the block is ours
//     its uppermost block  --empty--> refill       top of the class's magazine
//     top moves down                               p goes there         --full--> make_room
//     (above 32 KiB: allocate_large)               top moves up
//                                                  (not ours: free_foreign)
//
// Instructions of one warm call, the caller's excluded (tools/count_path.golden is the test):
// see docs/tour.md. No clock, lock, system call, counter or atomic read-modify-write here.
//
// Above: api. Below: cache, page map. Any thread, on its own cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "config/size_classes.hpp"
#include "pages/page_map.hpp"
#include "thread/cache.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

// Slow paths. A failed allocation is nullptr with errno ENOMEM; otherwise errno is kept.
void* refill(ClassId c);                 // thread/refill.cpp: no block of this class at hand
void make_room(void* block, ClassId c);  // thread/refill.cpp: the magazine is full
void free_foreign(void* block, std::uint32_t tag_xor_own);  // thread/foreign.cpp: not this heap's
void* allocate_large(std::size_t size);  // large/large.cpp: for who jumps there, as malloc does
void* allocate_large_for(std::size_t size, const void* caller);  // ... and for who goes on afterwards

inline void* pop_block(std::size_t c) {
  Slot* top = thread_cache.top[c];
  const Slot block = top[-1];
  if (HAK_UNLIKELY(block == kEmptyMark)) return refill(ClassId{static_cast<std::uint8_t>(c)});
  thread_cache.top[c] = top - 1;
  return reinterpret_cast<void*>(block);
}

template <typename Large>
[[gnu::always_inline]] inline void* allocate_or(std::size_t size, Large large) {
  if (HAK_LIKELY(size <= kMaxTiny)) return pop_block(kTinyClass[(size + kTinyStep - 1) / kTinyStep]);
  if (size <= kMaxSmall) return pop_block(kMidClass[(size + kMidStep - 1) / kMidStep]);
  return large(size);
}

inline void* allocate(std::size_t size) {
  return allocate_or(size, [](std::size_t bytes) { return allocate_large(bytes); });
}

// `caller`: the site in the program, which a large block remembers.
inline void* allocate_for(std::size_t size, const void* caller) {
  return allocate_or(size, [caller](std::size_t bytes) { return allocate_large_for(bytes, caller); });
}

// `large`: of a block whose tag has the bit.
template <typename Large>
[[gnu::always_inline]] inline void deallocate_or(void* block, Large large) {
  const std::uint64_t index = page_map.fast_index(block);
  const std::uint32_t c = page_map.fast_tag(index) ^ thread_cache.tag;
  if (HAK_UNLIKELY(c >= kClasses)) return HAK_UNLIKELY((c & kLargeBit) != 0) ? large(block, index) : free_foreign(block, c);
  Slot* top = thread_cache.top[c];
  if (HAK_UNLIKELY(*top == kFullMark)) return make_room(block, ClassId{static_cast<std::uint8_t>(c)});
  *top = reinterpret_cast<Slot>(block);
  thread_cache.top[c] = top + 1;
}

inline void deallocate(void* block) {
  deallocate_or(block, [](void* large, std::uint64_t) { free_large(large); });
}

}  // namespace hakmem
