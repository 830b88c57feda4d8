// Next symbol: the function of this name that the dynamic linker would find after ours.
#pragma once

namespace hakmem::os {

// nullptr when there is none, or when the program is linked statically.
void* next_symbol(const char* name);

// The function of this name in the C++ runtime that the process has loaded, wherever: nullptr: none.
void* cxx_runtime_symbol(const char* name);

// The same, but never a function of this name that stands in front of the runtime's.
void* cxx_runtime_own_symbol(const char* name);

}  // namespace hakmem::os
