// Fork: handlers around fork(), and the C library's lock that has to be taken before ours.
#pragma once

namespace hakmem::os {

void on_fork(void (*prepare)(), void (*parent)(), void (*child)());

// fork() takes the lock of stdio's list of streams after all handlers have run, while a thread that
// holds it (in fflush(nullptr)) may wait in malloc for one of ours: taken first here, the order is
// the same everywhere. Does nothing where the C library has no such lock, or one thread only.
void lock_stream_list();
void unlock_stream_list_in_parent();
void forget_stream_list_in_child();

// The calling thread gets no signals until they are restored, on either side of the fork, but those that its own instructions
// cause: a handler that forks in between would drop what its thread is about to drop.
void block_signals();
void restore_signals();

}  // namespace hakmem::os
