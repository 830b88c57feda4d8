// Trace output: the file a recording goes to, one chunk at a time.
//
// Invariant: (1) chunks are whole, and nothing follows the end.
//
// Above: recorder, sites. Below: os. Calls hold output_lock unless they say otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/annotations.hpp"
#include "base/lock.hpp"
#include "trace/format.hpp"

namespace hakmem::trace {

extern Lock output_lock;

// Makes the file; at the start, by one thread, without the lock. False, and a line on stderr, when
// it cannot.
bool open_output(const char* path, std::uint64_t from);

// Fills in magic, length, lost and checksum. What does not reach the file counts as lost.
void write_chunk(ChunkHeader header, const void* content, std::size_t length)
    HAK_REQUIRES(output_lock);

// Without the lock, from anywhere.
void count_lost(std::uint64_t events);

// False in a process that is not the one which opened the file, however it came about.
bool is_output_owner();

}  // namespace hakmem::trace
