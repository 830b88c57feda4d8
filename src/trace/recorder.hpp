// Recorder: writes every call of the allocator to a trace (trace/format.hpp).
//
//   call --> the thread's buffer --full, or a second old--> one chunk, appended to the file
//
// A thread writes its own buffer without locks. Whoever ends the recording reads the others' up to
// what they have published. What cannot be written is counted as lost, and the count is in the
// trace. Blocks smaller than `from` are not recorded; their frees are kept away too where the next
// allocator tells the size of a block.
//
// HAKRECORD_FILE names the file. Where it exists already, an earlier program of the same run has
// it, and the process writes to FILE.PID. A forked child does not record; what it executes does.
//
// Above: the interposed functions. Below: base, os. Any thread, signal handlers included: an event
// that interrupts the writing of another one is lost, and counted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem::trace {

// Nanoseconds since the recording began; 0 before.
std::uint64_t record_time();

// Whether blocks of this size are of interest. Starts the recording when that is possible.
bool wants(std::size_t size);

void record_allocate(const void* block, std::size_t size, const void* caller);
void record_free(const void* block);

// For a free whose time, before the call, was taken earlier.
void record_free_at(std::uint64_t time_ns, const void* block);

// `old_block` may be nullptr for a block that was not of interest before.
void record_resize(std::uint64_t before_ns, const void* old_block, const void* block,
                   std::size_t size, const void* caller);

// Writes what all threads have, and the end. Nothing is recorded from then on.
void end_recording();

}  // namespace hakmem::trace
