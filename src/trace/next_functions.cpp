#include "trace/next_functions.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/bits.hpp"
#include "os/next_symbol.hpp"

namespace hakmem::trace {

constinit NextFunctions next_functions{};
constinit Atomic<bool> next_functions_found{false};

namespace {

// dlsym() takes at most a few hundred bytes, for its error message.
constexpr std::size_t kArenaBytes = 16 * 1024;
constexpr std::size_t kAlignment = 16;

alignas(kAlignment) constinit std::byte arena[kArenaBytes] = {};
constinit Atomic<std::size_t> arena_used{0};
constinit thread_local bool finding = false;

// Before each block stands its size. Zeroed, as nothing is ever used twice.
void* arena_malloc(std::size_t size) {
  const std::size_t bytes = kAlignment + align_up(size, kAlignment);
  const std::size_t start = size < kArenaBytes ? arena_used.fetch_add_relaxed(bytes) : kArenaBytes;
  if (start >= kArenaBytes || bytes > kArenaBytes - start) {
    errno = ENOMEM;
    return nullptr;
  }
  std::memcpy(arena + start, &size, sizeof size);
  return arena + start + kAlignment;
}

void* arena_calloc(std::size_t count, std::size_t size) { return arena_malloc(count * size); }
void* arena_realloc(void*, std::size_t) { return nullptr; }
void arena_free(void*) {}
int arena_posix_memalign(void**, std::size_t, std::size_t) { return ENOMEM; }
void* arena_aligned(std::size_t, std::size_t) { return nullptr; }
void* arena_pages(std::size_t) { return nullptr; }

constexpr NextFunctions kArenaFunctions{
    arena_malloc,  arena_calloc,  arena_realloc, arena_free,  arena_posix_memalign,
    arena_aligned, arena_aligned, arena_pages,   arena_pages, nullptr};

template <typename Function>
void find(Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(os::next_symbol(name));
}

}  // namespace

// Two threads may do this at the same time: both find the same.
const NextFunctions& find_next_functions() {
  if (finding) return kArenaFunctions;
  finding = true;
  find(next_functions.malloc, "malloc");
  find(next_functions.calloc, "calloc");
  find(next_functions.realloc, "realloc");
  find(next_functions.free, "free");
  find(next_functions.posix_memalign, "posix_memalign");
  find(next_functions.aligned_alloc, "aligned_alloc");
  find(next_functions.memalign, "memalign");
  find(next_functions.valloc, "valloc");
  find(next_functions.pvalloc, "pvalloc");
  find(next_functions.malloc_usable_size, "malloc_usable_size");
  next_functions_found.store_release(true);  // pairs with next()
  finding = false;
  return next_functions;
}

bool is_in_arena(const void* block) {
  const auto offset =
      reinterpret_cast<std::uintptr_t>(block) - reinterpret_cast<std::uintptr_t>(arena);
  return offset < kArenaBytes;
}

std::size_t arena_block_size(const void* block) {
  std::size_t size = 0;
  std::memcpy(&size, static_cast<const std::byte*>(block) - kAlignment, sizeof size);
  return size;
}

}  // namespace hakmem::trace
