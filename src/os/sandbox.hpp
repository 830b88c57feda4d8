// Sandbox: a program that has begun to give up system calls (seccomp) may be killed for one that its author did not expect of an
// allocator. From then on hakmem makes only those that he did:
//
//   mmap, munmap, mremap, mprotect, madvise with MADV_DONTNEED or MADV_FREE, futex, clock_gettime
//
// and a few around fork and in messages (decision 35). All else here does as if the kernel had refused. It is noticed by the program's prctl (api/interpose_prctl.cpp). A filter that was
// there when the program began is not asked for: it is made for any program, and containers have one.
//
// Above: everything that asks the kernel. Any thread.
#pragma once

#include "base/atomics.hpp"

namespace hakmem::os {

inline constinit Atomic<bool> sandboxed{false};

inline bool is_sandboxed() { return sandboxed.load_relaxed(); }

}  // namespace hakmem::os
