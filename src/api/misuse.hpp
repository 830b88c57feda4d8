// Misuse: what a program is told when it frees what is no block. One line a kind, on stderr, once;
// the pointer is left alone and the program goes on. (Stronger answers belong to hardening.)
#pragma once

namespace hakmem {

// "hakmem: free(0x...) ignored: not a block of this allocator, nor of another"
void report_unknown_pointer(const char* function, const void* block);

// "hakmem: free(0x...) ignored: no block starts there, or it is free already"
void report_bad_pointer(const char* function, const void* block);

}  // namespace hakmem
