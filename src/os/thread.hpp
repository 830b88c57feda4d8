// Thread: one thread of the allocator's own.
#pragma once

namespace hakmem::os {

// Runs `body` in a detached thread that takes no signals. False: the system has
// no thread for us. Not to be called from malloc or free: the C library may hold its own locks there.
bool start_thread(const char* name, void (*body)());

// At load. Does nothing in another thread.
void note_main_thread();

// In a forked child, where the thread that forked is the main one.
void become_main_thread();

// False in a child that uses its parent's memory (vfork).
bool is_own_process();

// Without a system call, once the main thread has been noted.
bool is_main_thread();

}  // namespace hakmem::os
