// Override: the C library's malloc family, replaced. Errors as POSIX and C23 say; free keeps errno.
//
// A slow path may run in any of these; the warm paths are thread/hot.hpp. The C++ operators are in
// override_new.cpp, the reports in override_info.cpp.
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "api/allocate.hpp"
#include "api/errors.hpp"
#include "base/bits.hpp"
#include "large/large_hot.hpp"
#include "os/memory.hpp"
#include "thread/boot_hook.hpp"

#define HAK_REPLACE [[gnu::visibility("default")]]

using hakmem::or_enomem;

namespace {

[[gnu::always_inline]] inline void* aligned_or_einval(std::size_t alignment, std::size_t size) {
  if (hakmem::is_power_of_two(alignment)) {
    return or_enomem(hakmem::allocate_aligned_here(alignment, size));
  }
  errno = EINVAL;
  return nullptr;
}

// realloc's block where there was none. Apart, so that realloc keeps what it needs in registers.
[[gnu::noinline]] void* of_nothing(const void* caller, std::size_t size) { return hakmem::allocate_for(size, caller); }

}  // namespace

extern "C" {

HAK_REPLACE void* malloc(std::size_t size) {
  return hakmem::allocate_or(size, [](std::size_t bytes) __attribute__((always_inline)) {
    return hakmem::allocate_large_inline(bytes, __builtin_return_address(0));
  });
}

HAK_REPLACE void free(void* block) {
  hakmem::deallocate_or(block, [](void* large, std::uint64_t index) __attribute__((always_inline)) { hakmem::free_large_inline(large, index); });
}

HAK_REPLACE void* calloc(std::size_t count, std::size_t size) {
  return or_enomem(hakmem::allocate_zeroed_here(count, size));
}

// As the GNU C library: size 0 frees and returns nullptr.
//
// realloc and memalign stay functions of their own for those below that jump there: valgrind puts its own in their place, but not in
// the place of reallocarray and pvalloc, whose blocks it would not know.
[[gnu::noinline]] HAK_REPLACE void* realloc(void* block, std::size_t size) {
  if (HAK_UNLIKELY(block == nullptr)) return of_nothing(__builtin_return_address(0), size);
  if (size == 0) {
    hakmem::deallocate(block);
    return nullptr;
  }
  return or_enomem(hakmem::reallocate(block, size, __builtin_return_address(0)));
}

HAK_REPLACE void* reallocarray(void* block, std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return or_enomem<void>(nullptr);
  return realloc(block, bytes);
}

// C23: the size and alignment are promises that may be used, or not.
HAK_REPLACE void free_sized(void* block, std::size_t) { hakmem::deallocate(block); }
HAK_REPLACE void free_aligned_sized(void* block, std::size_t, std::size_t) { hakmem::deallocate(block); }

HAK_REPLACE int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  if (!hakmem::is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int saved = errno;
  void* made = hakmem::allocate_aligned_here(alignment, size);
  errno = saved;
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}

HAK_REPLACE void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return aligned_or_einval(alignment, size);
}

// As the GNU C library: an alignment that is no power of two is the next one.
[[gnu::noinline]] HAK_REPLACE void* memalign(std::size_t alignment, std::size_t size) {
  constexpr std::size_t kHighest = SIZE_MAX / 2 + 1;
  return aligned_or_einval(alignment < kHighest ? std::bit_ceil(alignment) : alignment, size);
}

HAK_REPLACE void* valloc(std::size_t size) {
  hakmem::boot();
  return or_enomem(hakmem::allocate_aligned_here(hakmem::os::memory.page_size, size));
}

HAK_REPLACE void* pvalloc(std::size_t size) {
  hakmem::boot();
  const std::size_t page = hakmem::os::memory.page_size;
  if (size > PTRDIFF_MAX) return or_enomem<void>(nullptr);
  return memalign(page, size == 0 ? page : hakmem::align_up(size, page));
}

HAK_REPLACE std::size_t malloc_usable_size(void* block) { return hakmem::usable_size(block); }

}  // extern "C"
