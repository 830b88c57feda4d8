// Thread: one thread of the allocator's own, and what is known of the program's.
#pragma once

namespace hakmem::os {

// Runs `body` in a detached thread that takes no signals. False: the system has
// no thread for us. Not to be called from malloc or free: the C library may hold its own locks there.
bool start_thread(const char* name, void (*body)());

// At load. Does nothing in another thread.
void note_main_thread();

// In a forked child, where the thread that forked is the main one.
void become_main_thread();

// False in a child that uses its parent's memory (vfork), unless its parent was forked in a sandbox; and before the main thread is noted.
bool is_own_process();

// Whether it is known that nobody else uses this process's memory, neither a thread nor another process. A thread that has just
// been joined may still be there.
bool is_alone();

// As the kernel counts them, likewise. 0: not known.
unsigned thread_count();

// By the C library's word, which is false for good once there was a second one, and in a child forked after that.
bool has_always_been_alone();

// Without a system call, once the main thread has been noted.
bool is_main_thread();

}  // namespace hakmem::os
