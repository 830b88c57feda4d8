// Module: which executable or library an address of code lies in.
//
// Takes no lock and allocates nothing, so that it may be asked from within malloc. Above: trace, large.
// Below: the dynamic linker. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem::os {

struct Module {
  static constexpr std::size_t kMaxName = 128;
  static constexpr std::size_t kMaxBuildId = 32;

  std::uintptr_t start = 0;  // where its first byte is mapped
  char name[kMaxName] = {};  // the file's name without its directory
  std::uint8_t build_id[kMaxBuildId] = {};
  std::size_t build_id_bytes = 0;
};

// False when the address is in none, or the C library cannot tell (glibc before 2.35, musl).
// `module` has only its start set: describe_module() does the rest.
bool find_module(std::uintptr_t address, Module* module);

// The address of code whose lower half this is: in the executable, or in a library near this or the C library. False
// when there is none.
bool find_code(std::uint32_t half, std::uintptr_t* address);

// Fills in the name of a module that is mapped; none of its own pages is read.
void name_module(Module* module);

// The name, and the build id, which is read from the module's first pages.
void describe_module(Module* module);

}  // namespace hakmem::os
