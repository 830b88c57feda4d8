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

// How many steps to it were taken, or are being tried.
inline constinit Atomic<unsigned> sandbox_steps{0};

inline bool is_sandboxed() { return sandbox_steps.load_relaxed() != 0; }

}  // namespace hakmem::os
