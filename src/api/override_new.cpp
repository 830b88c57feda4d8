// Override: C++'s operators new and delete, replaced.
//
// A failed throwing new calls the new-handler until it gives up, and then throws std::bad_alloc. The
// library itself is built without exceptions and without a C++ runtime: both functions are found in
// the runtime that the program has loaded; a program that has none cannot expect an exception, and is
// aborted with a message.
#include <cstddef>
#include <cstdlib>
#include <new>

#include "api/allocate.hpp"
#include "api/new_handler.hpp"
#include "os/file.hpp"
#include "os/next_symbol.hpp"

#define HAK_REPLACE [[gnu::visibility("default")]]

namespace {

using Handler = void (*)();
using GetHandler = Handler (*)();
using Throw = void (*)();

Handler current_new_handler() {
  // std::get_new_handler(), in the Itanium C++ ABI's mangling.
  const auto get = reinterpret_cast<GetHandler>(hakmem::os::cxx_runtime_symbol("_ZSt15get_new_handlerv"));
  return get == nullptr ? nullptr : get();
}

[[noreturn]] void throw_bad_alloc() {
  // std::__throw_bad_alloc(), exported by libstdc++ and libc++.
  const auto raise = reinterpret_cast<Throw>(hakmem::os::cxx_runtime_symbol("_ZSt17__throw_bad_allocv"));
  if (raise != nullptr) raise();
  hakmem::os::write_stderr("hakmem: out of memory in operator new, and no C++ runtime to throw with\n");
  std::abort();
}

[[gnu::noinline]] void* retry_throwing(std::size_t size, std::size_t alignment) {
  void* block = hakmem::ask_new_handlers(size, alignment);
  if (block == nullptr) throw_bad_alloc();
  return block;
}

// Inlined for sure: allocate_here takes the return address of the operator.
[[gnu::always_inline]] inline void* new_block(std::size_t size, bool throws) {
  void* block = hakmem::allocate_here(size);
  if (HAK_LIKELY(block != nullptr)) return block;
  return throws ? retry_throwing(size, hakmem::kMinAlign) : hakmem::retry_nothrow(size, hakmem::kMinAlign);
}

[[gnu::always_inline]] inline void* new_aligned(std::size_t size, std::align_val_t alignment,
                                                bool throws) {
  const auto align = static_cast<std::size_t>(alignment);
  void* block = hakmem::allocate_aligned_here(align, size);
  if (HAK_LIKELY(block != nullptr)) return block;
  return throws ? retry_throwing(size, align) : hakmem::retry_nothrow(size, align);
}

}  // namespace

// Cold: the first attempt has failed.
void* hakmem::ask_new_handlers(std::size_t size, std::size_t alignment) {
  while (const Handler handler = current_new_handler()) {
    handler();
    if (void* block = allocate_aligned_here(alignment, size)) return block;
  }
  return nullptr;
}

HAK_REPLACE void* operator new(std::size_t size) { return new_block(size, true); }
HAK_REPLACE void* operator new[](std::size_t size) { return new_block(size, true); }
HAK_REPLACE void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return new_block(size, false);
}
HAK_REPLACE void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return new_block(size, false);
}
HAK_REPLACE void* operator new(std::size_t size, std::align_val_t a) { return new_aligned(size, a, true); }
HAK_REPLACE void* operator new[](std::size_t size, std::align_val_t a) { return new_aligned(size, a, true); }
HAK_REPLACE void* operator new(std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return new_aligned(size, a, false);
}
HAK_REPLACE void* operator new[](std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return new_aligned(size, a, false);
}

HAK_REPLACE void operator delete(void* block) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete[](void* block) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete(void* block, std::size_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete[](void* block, std::size_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete(void* block, const std::nothrow_t&) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete[](void* block, const std::nothrow_t&) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete(void* block, std::align_val_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete[](void* block, std::align_val_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete(void* block, std::size_t, std::align_val_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { hakmem::deallocate(block); }
HAK_REPLACE void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  hakmem::deallocate(block);
}
HAK_REPLACE void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  hakmem::deallocate(block);
}
