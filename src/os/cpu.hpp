// Cpu: which processors this thread may run on, which it runs on now, and the nodes of memory.
//
// The number of the current processor is read from the area that the C library has registered for
// restartable sequences (Documentation/userspace-api, rseq; glibc 2.35): one load, no call. It is
// read only. Where no area is registered, the C library is asked (vdso), or the kernel.
//
// Above: place. Below: the kernel. Any thread.
#pragma once

#include "os/topology.hpp"

namespace hakmem::os {

// The calling thread's affinity mask; false when the kernel does not say.
bool affinity(CpuSet& into);

// A hint: the thread may have moved already.
unsigned current_cpu();

// The same without the restartable-sequence area.
unsigned ask_for_cpu();

// Whether memory may come from more than one node; one system call.
bool has_several_nodes();

}  // namespace hakmem::os
