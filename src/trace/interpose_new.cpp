// Interpose: C++'s operators, so that their callers are the sites.
//
// They ask the next malloc. When it has no memory, the C++ runtime's own operator is called, which
// knows what follows: new-handlers, std::bad_alloc, nullptr. Its attempts are recorded as malloc's.
#include <cstdlib>
#include <new>

#include "os/file.hpp"
#include "os/next_symbol.hpp"
#include "trace/interpose.hpp"

namespace {

using hakmem::trace::allocated;
using hakmem::trace::next;

// The operator of this mangled name behind this library, or in a runtime loaded with a plugin.
template <typename Function>
Function runtime_operator(const char* name) {
  void* found = hakmem::os::next_symbol(name);
  if (found == nullptr) found = hakmem::os::cxx_runtime_own_symbol(name);
  if (found != nullptr) return reinterpret_cast<Function>(found);
  hakmem::os::write_stderr("hakmem: out of memory in operator new, and no C++ runtime to ask\n");
  std::abort();
}

[[gnu::noinline, gnu::cold]] void* new_slow(std::size_t size) {
  return runtime_operator<void* (*)(std::size_t)>("_Znwm")(size);
}

[[gnu::noinline, gnu::cold]] void* new_slow(std::size_t size, std::align_val_t alignment) {
  using Function = void* (*)(std::size_t, std::align_val_t);
  return runtime_operator<Function>("_ZnwmSt11align_val_t")(size, alignment);
}

[[gnu::noinline, gnu::cold]] void* new_slow(std::size_t size, const std::nothrow_t& tag) {
  using Function = void* (*)(std::size_t, const std::nothrow_t&);
  return runtime_operator<Function>("_ZnwmRKSt9nothrow_t")(size, tag);
}

[[gnu::noinline, gnu::cold]] void* new_slow(std::size_t size, std::align_val_t alignment,
                                            const std::nothrow_t& tag) {
  using Function = void* (*)(std::size_t, std::align_val_t, const std::nothrow_t&);
  return runtime_operator<Function>("_ZnwmSt11align_val_tRKSt9nothrow_t")(size, alignment, tag);
}

inline void* new_block(std::size_t size, const void* caller) {
  return allocated(next().malloc(size), size, caller);
}

inline void* new_block(std::size_t size, std::align_val_t alignment, const void* caller) {
  return allocated(next().memalign(static_cast<std::size_t>(alignment), size), size, caller);
}

// `form...`: the further arguments of this form of new. The recorded site is the operator's caller.
template <typename... Form>
inline void* new_or_slow(void* block, std::size_t size, Form&&... form) {
  return block != nullptr ? block : new_slow(size, form...);
}

}  // namespace

#define HAK_CALLER __builtin_return_address(0)
using Size = std::size_t;
using Align = std::align_val_t;
using NoThrow = std::nothrow_t;

HAK_REPLACE void* operator new(Size n) { return new_or_slow(new_block(n, HAK_CALLER), n); }
HAK_REPLACE void* operator new[](Size n) { return new_or_slow(new_block(n, HAK_CALLER), n); }
HAK_REPLACE void* operator new(Size n, const NoThrow& t) noexcept {
  return new_or_slow(new_block(n, HAK_CALLER), n, t);
}
HAK_REPLACE void* operator new[](Size n, const NoThrow& t) noexcept {
  return new_or_slow(new_block(n, HAK_CALLER), n, t);
}
HAK_REPLACE void* operator new(Size n, Align a) {
  return new_or_slow(new_block(n, a, HAK_CALLER), n, a);
}
HAK_REPLACE void* operator new[](Size n, Align a) {
  return new_or_slow(new_block(n, a, HAK_CALLER), n, a);
}
HAK_REPLACE void* operator new(Size n, Align a, const NoThrow& t) noexcept {
  return new_or_slow(new_block(n, a, HAK_CALLER), n, a, t);
}
HAK_REPLACE void* operator new[](Size n, Align a, const NoThrow& t) noexcept {
  return new_or_slow(new_block(n, a, HAK_CALLER), n, a, t);
}

HAK_REPLACE void operator delete(void* p) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete[](void* p) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete(void* p, Size) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete[](void* p, Size) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete(void* p, const NoThrow&) noexcept {
  hakmem::trace::forward_free(p);
}
HAK_REPLACE void operator delete[](void* p, const NoThrow&) noexcept {
  hakmem::trace::forward_free(p);
}
HAK_REPLACE void operator delete(void* p, Align) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete[](void* p, Align) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete(void* p, Size, Align) noexcept { hakmem::trace::forward_free(p); }
HAK_REPLACE void operator delete[](void* p, Size, Align) noexcept {
  hakmem::trace::forward_free(p);
}
HAK_REPLACE void operator delete(void* p, Align, const NoThrow&) noexcept {
  hakmem::trace::forward_free(p);
}
HAK_REPLACE void operator delete[](void* p, Align, const NoThrow&) noexcept {
  hakmem::trace::forward_free(p);
}
