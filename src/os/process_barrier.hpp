// Process barrier: one thread makes a full memory barrier happen in every thread of the process.
//
// It lets a protocol put all of its cost on the rare side (large/hand.hpp): the frequent side needs
// its own instructions in program order only.
//
// Above: large. Below: the kernel. Any thread.
#pragma once

namespace hakmem::os {

// Asks the kernel for the right to use it. False: there is none (Linux before 4.14, or refused).
// Slow where threads run already; once is enough.
bool prepare_process_barrier();

// Every thread has passed a full barrier when it returns true; false: none has.
bool process_barrier();

}  // namespace hakmem::os
