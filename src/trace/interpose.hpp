// Interpose: what the functions in front of the allocator share: call the next one, and record.
//
//   allocation: the call, then the time       free: the time, then the call
//
// So an address is given back, in time, before another thread gets it (cli/trace_order.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "trace/next_functions.hpp"
#include "trace/recorder.hpp"

#define HAK_REPLACE [[gnu::visibility("default")]]

namespace hakmem::trace {

// For what the next allocator has returned.
inline void* allocated(void* block, std::size_t size, const void* caller) {
  if (block != nullptr && wants(size) && !is_in_arena(block)) record_allocate(block, size, caller);
  return block;
}

// Whether the block may have been recorded. Its usable size is not below what was asked for.
inline bool may_be_recorded(void* block) {
  if (is_in_arena(block) || !wants(SIZE_MAX)) return false;
  const auto usable_size = next().malloc_usable_size;
  return wants(0) || usable_size == nullptr || wants(usable_size(block));
}

inline void forward_free(void* block) {
  if (block == nullptr || is_in_arena(block)) return;
  if (may_be_recorded(block)) record_free(block);
  next().free(block);
}

}  // namespace hakmem::trace
