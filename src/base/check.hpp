// Check: assertions that cost nothing in release builds and allocate nothing when they fail.
//
//   HAK_ASSERT(condition)   debug builds: prints file:line and the condition, then traps
//
// Above: everything. Below: nothing (the text is written by check.cpp with write(2)'s wrapper).
#pragma once

namespace hakmem {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace hakmem

#ifdef NDEBUG
#define HAK_ASSERT(condition) static_cast<void>(sizeof(condition))
#else
#define HAK_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::hakmem::assertion_failed(#condition, __FILE__, __LINE__))
#endif

#define HAK_LIKELY(x) __builtin_expect(!!(x), 1)
#define HAK_UNLIKELY(x) __builtin_expect(!!(x), 0)
