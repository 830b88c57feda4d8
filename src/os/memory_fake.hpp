// Memory fake: an os::memory table that stands before the kernel's, for tests.
//
//   allocator --> fake: checks, counts, refuses --> kernel
//
// It can pretend a larger page size and checks that whatever it is asked fits that size; it can
// refuse mappings, releases and moves. The table in force is chosen at boot, which is before main():
// a process whose environment has FAKE_PAGE_SIZE (bytes) boots on the fake.
//
// Above: tests. Below: the kernel's table. Any thread.
#pragma once

#include <cstddef>

#include "base/atomics.hpp"
#include "os/memory.hpp"

namespace hakmem::os {

struct FakeMemory {
  Atomic<std::size_t> misaligned{0};  // requests that are no multiple of the page size, or empty
  Atomic<std::size_t> maps{0};
  Atomic<std::size_t> unmaps{0};
  Atomic<std::size_t> discards{0};
  Atomic<std::size_t> moves{0};

  Atomic<bool> refuse_map{false};
  Atomic<bool> refuse_discard{false};
  Atomic<std::size_t> most_moved{~std::size_t{0}};  // bytes by one call
};

extern FakeMemory fake_memory;

// Puts the fake in force, with this page size (a power of two, at least the kernel's).
void use_fake_memory(std::size_t page_size);

bool fake_memory_in_force();

}  // namespace hakmem::os
