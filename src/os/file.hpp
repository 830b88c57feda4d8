// File: reading small kernel files and writing lines to stderr, without the C library's streams
// (they allocate). None of these sets errno. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem::os {

// Reads at most capacity - 1 bytes and ends them with '\0'. False (and "") when it cannot be read.
bool read_small_file(const char* path, char* text, std::size_t capacity);

// Writes the strings, one after another, in one piece to stderr.
void write_stderr(const char* a, const char* b = "", const char* c = "", const char* d = "",
                  const char* e = "");

// Creates `path` with `bytes` bytes and maps it shared and writable; nullptr when refused.
void* map_shared_file(const char* path, std::size_t bytes);

std::uint32_t process_id();

// `text` with each "%p" replaced by the process id; `has_pid`: whether there was one. False when it
// does not fit.
bool expand_process_id(const char* text, char* path, std::size_t capacity, bool* has_pid);

// The environment, readable before the C library is initialised: a nullptr-terminated array of NAME=VALUE.
const char* const* environment_all();

// True in setuid and similar programs, whose environment is not to be trusted.
bool environment_is_untrusted();

}  // namespace hakmem::os
