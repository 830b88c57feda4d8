// Interpose: the malloc family. Errors are the next allocator's.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "trace/interpose.hpp"

using hakmem::trace::allocated;
using hakmem::trace::next;

namespace {

namespace trace = hakmem::trace;

// A block from the time before the next allocator was known moves to it.
void* move_out_of_arena(void* block, std::size_t size, const void* caller) {
  const std::size_t old_size = trace::arena_block_size(block);
  void* moved = allocated(next().malloc(size), size, caller);
  if (moved != nullptr) std::memcpy(moved, block, old_size < size ? old_size : size);
  return moved;
}

// The old size decides whether the trace knows the block, the new one whether it is of interest.
void* resize(void* block, std::size_t size, const void* caller) {
  const bool known = trace::may_be_recorded(block);
  const std::uint64_t before_ns = known || trace::wants(size) ? trace::record_time() : 0;
  void* resized = next().realloc(block, size);
  if (resized == nullptr) return nullptr;
  if (!trace::wants(size)) {
    if (known) trace::record_free_at(before_ns, block);
  } else if (known) {
    trace::record_resize(before_ns, block, resized, size, caller);
  } else {
    trace::record_allocate(resized, size, caller);
  }
  return resized;
}

void* reallocate(void* block, std::size_t size, const void* caller) {
  if (block == nullptr) return allocated(next().realloc(nullptr, size), size, caller);
  if (trace::is_in_arena(block)) return move_out_of_arena(block, size, caller);
  if (size > 0) return resize(block, size, caller);
  // Frees in most allocators; where it does not, the block that comes back is a new one.
  if (trace::may_be_recorded(block)) trace::record_free(block);
  return allocated(next().realloc(block, 0), 0, caller);
}

std::size_t whole_pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size == 0 ? page : (size + page - 1) / page * page;
}

}  // namespace

extern "C" {

HAK_REPLACE void* malloc(std::size_t size) {
  return allocated(next().malloc(size), size, __builtin_return_address(0));
}

HAK_REPLACE void free(void* block) { trace::forward_free(block); }

HAK_REPLACE void* calloc(std::size_t count, std::size_t size) {
  return allocated(next().calloc(count, size), count * size, __builtin_return_address(0));
}

HAK_REPLACE void* realloc(void* block, std::size_t size) {
  return reallocate(block, size, __builtin_return_address(0));
}

HAK_REPLACE void* reallocarray(void* block, std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (!__builtin_mul_overflow(count, size, &bytes)) {
    return reallocate(block, bytes, __builtin_return_address(0));
  }
  errno = ENOMEM;
  return nullptr;
}

HAK_REPLACE void free_sized(void* block, std::size_t) { trace::forward_free(block); }
HAK_REPLACE void free_aligned_sized(void* block, std::size_t, std::size_t) {
  trace::forward_free(block);
}

HAK_REPLACE int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  const int error = next().posix_memalign(block, alignment, size);
  if (error == 0) allocated(*block, size, __builtin_return_address(0));
  return error;
}

HAK_REPLACE void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocated(next().aligned_alloc(alignment, size), size, __builtin_return_address(0));
}

HAK_REPLACE void* memalign(std::size_t alignment, std::size_t size) {
  return allocated(next().memalign(alignment, size), size, __builtin_return_address(0));
}

HAK_REPLACE void* valloc(std::size_t size) {
  return allocated(next().valloc(size), size, __builtin_return_address(0));
}

HAK_REPLACE void* pvalloc(std::size_t size) {
  return allocated(next().pvalloc(size), whole_pages(size), __builtin_return_address(0));
}

}  // extern "C"
