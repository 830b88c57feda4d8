// A program that allocates before main, after main, in a library's constructor and destructor, and
// in a library that is loaded and unloaded again and again. Prints one line and exits with 0 when
// all contents held.
//
//   early_and_late LIBRARY    LIBRARY is allocating_library.so
//
// The first allocations come from preinit_array, before any constructor has run, the last ones from
// destructors after exit handlers.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"

namespace {

struct Kept {
  void* block;
  std::size_t size;
};

constexpr std::size_t kMost = 64;
Kept kept[kMost];
std::size_t kept_count = 0;

// Allocates in every tier, keeps some blocks for the end of the process, frees the others.
void allocate_early_or_late() {
  for (std::size_t size = 1; size < 3'000'000; size = size * 4 + 3) {
    void* const block = std::malloc(support::opaque(size));
    void* const passing = std::calloc(support::opaque(size), 1);
    if (block == nullptr || passing == nullptr || !support::all_zero(passing, size)) _exit(10);
    support::fill(block, size, size);
    std::free(passing);
    if (kept_count < kMost) {
      kept[kept_count++] = {block, size};
    } else {
      std::free(block);
    }
  }
}

void check_and_free_kept() {
  for (std::size_t i = 0; i < kept_count; ++i) {
    if (!support::holds(kept[i].block, kept[i].size, kept[i].size)) _exit(11);
    std::free(kept[i].block);
  }
  kept_count = 0;
}

__attribute__((section(".preinit_array"),
               used)) void (*before_all_constructors)() = allocate_early_or_late;

__attribute__((constructor(101))) void first_constructor() { allocate_early_or_late(); }

__attribute__((destructor(101))) void last_destructor() {
  allocate_early_or_late();
  check_and_free_kept();
}

const auto global = std::make_unique<std::string>(5000, 'g');

void load_and_unload(const char* library) {
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) _exit(12);
  const auto use = reinterpret_cast<int (*)()>(dlsym(handle, "use_allocating_library"));
  if (use == nullptr || use() != 0) _exit(13);
  std::thread([&] {
    if (use() != 0) _exit(14);
  }).join();
  if (dlclose(handle) != 0) _exit(15);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::atexit(allocate_early_or_late);
  std::at_quick_exit(allocate_early_or_late);
  for (int round = 0; round < 100; ++round) load_and_unload(argv[1]);
  std::puts("main ran");
  return 0;
}
