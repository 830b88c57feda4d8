// Thread exit: how the allocator learns that a thread is gone.
#pragma once

#include <cstdint>

namespace hakmem::os {

// Sets the function that runs when a thread exits which has called arm_thread_exit(). Once.
void on_thread_exit(void (*leave)());

// `rounds`: how many rounds of other libraries' destructors (which may allocate) go first, 0 to 2.
void arm_thread_exit(std::uintptr_t rounds);

}  // namespace hakmem::os
