// Nothrow: a new-handler may give up by throwing; new (std::nothrow) answers nullptr then.
//
// The library's one try block, and the one file that is built with exceptions
// (cmake/hakmem_library.cmake). What it asks of the C++ runtime is weak, so that programs without
// one load the library: no handler can throw in them.
#include "api/new_handler.hpp"

asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak _Unwind_Resume");

namespace hakmem {

void* retry_nothrow(std::size_t size, std::size_t alignment) {
  try {
    return ask_new_handlers(size, alignment);
  } catch (...) {
    return nullptr;
  }
}

}  // namespace hakmem
