// Thread: one thread of the allocator's own.
#pragma once

namespace hakmem::os {

// Runs `body` in a detached thread that takes no signals. False: the system has
// no thread for us. Not to be called from malloc or free: the C library may hold its own locks there.
bool start_thread(const char* name, void (*body)());

bool is_main_thread();

}  // namespace hakmem::os
