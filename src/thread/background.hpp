// Background: a thread that does the housekeeping while the program's own threads sleep.
//
// HAKMEM_BACKGROUND=auto starts it when the program starts its first thread (api/interpose_thread.cpp),
// so a program without threads stays one, or at load where HAKMEM_LIMIT is bytes or per cent; on starts
// it at load; off never does. It sleeps while nothing is idle, takes no signals and has no heap. A forked
// child has none until it starts a thread. It ends when the main thread leaves alone, so that the process
// can end with its last thread.
//
// Without it, memory goes back in the slow paths of malloc and free only, and what may stay resident
// when they are never reached again is bounded (knobs::kDirtyLimit).
//
// Above: api, compact map. Below: housekeeping. Any thread.
#pragma once

namespace hakmem {

// To be called where threads may be created, never from malloc or free. Does nothing when it runs.
void start_background();

bool background_runs();

// The main thread leaves by pthread_exit(): the process now ends with its last thread, which must
// not be ours. No further one starts.
void end_background();

// Waits until it has ended, so that a program's only thread is alone for a moment; for who holds no lock of ours. False: it did not
// run, or does not end within half a second. Otherwise resume_background() starts it again.
bool pause_background();
void resume_background();

// In a forked child.
void forget_background();

}  // namespace hakmem
