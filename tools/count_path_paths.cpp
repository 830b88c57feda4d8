// See count_path_paths.hpp.
#include "count_path_paths.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// The mark, the call, and nothing else: void* marked_call(function, first argument, second).
extern "C" void* count_path_marked_call(void* function, std::uintptr_t first,
                                        std::uintptr_t second);
asm(R"(
  .text
  .globl count_path_marked_call
  .type count_path_marked_call, @function
count_path_marked_call:
  sub $8, %rsp
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  int3
  call *%rax
  add $8, %rsp
  ret
  .size count_path_marked_call, . - count_path_marked_call
)");

namespace count_path {
namespace {

constexpr std::size_t kWarmUps = 32;
constexpr std::size_t kSamples = 33;
constexpr std::size_t kForeignFrees = 10 * kBundle;

void* function(const char* symbol) {
  void* const address = dlsym(RTLD_DEFAULT, symbol);
  if (address == nullptr) {
    std::fprintf(stderr, "no function %s\n", symbol);
    std::exit(1);
  }
  return address;
}

void* marked(void* call, std::uintptr_t first, std::uintptr_t second = 0) {
  return count_path_marked_call(call, first, second);
}

std::uintptr_t number(void* block) { return reinterpret_cast<std::uintptr_t>(block); }

// Allocates and frees a few blocks of this size, so that the thread's cache is neither empty nor
// full.
void warm_up(std::size_t size) {
  std::vector<void*> blocks(kWarmUps);
  for (void*& block : blocks) block = std::malloc(size);
  for (void* block : blocks) std::free(block);
}

// What a program does meanwhile. Stepping through a call takes so long that a large block would not be taken to be used
// again at once.
void go_on(std::size_t size) {
  for (std::size_t i = 0; i < kWarmUps; ++i) std::free(std::malloc(size));
}

// Each allocation is counted and freed again, unless the function takes two numbers, as calloc
// does.
template <std::size_t size>
void allocate_by(const char* symbol) {
  void* const call = function(symbol);
  warm_up(size);
  for (std::size_t i = 0; i < kSamples; ++i) {
    go_on(size);
    std::free(marked(call, size));
  }
}

template <std::size_t size>
void count_malloc() {
  allocate_by<size>("malloc");
}

void count_new() { allocate_by<64>("_Znwm"); }

void count_calloc() {
  void* const call = function("calloc");
  warm_up(64);
  for (std::size_t i = 0; i < kSamples; ++i) std::free(marked(call, 1, 64));
}

void count_realloc_in_place() {
  void* const call = function("realloc");
  warm_up(64);
  void* const block = std::malloc(64);
  for (std::size_t i = 0; i < kSamples; ++i) {
    if (marked(call, number(block), 60 + i % 4) == block) continue;
    std::fputs("realloc moved a block that shrank by a few bytes\n", stderr);
    std::exit(1);
  }
  std::free(block);
}

template <std::size_t size>
void count_free() {
  void* const call = function("free");
  warm_up(size);
  for (std::size_t i = 0; i < kSamples; ++i) {
    go_on(size);
    marked(call, number(std::malloc(size)));
  }
}

void count_free_null() {
  void* const call = function("free");
  warm_up(64);
  for (std::size_t i = 0; i < kSamples; ++i) marked(call, 0);
}

void count_sized_delete() {
  void* const call = function("_ZdlPvm");
  warm_up(64);
  for (std::size_t i = 0; i < kSamples; ++i) marked(call, number(::operator new(64)), 64);
}

// An allocator may have a thread begin otherwise than it goes on: hakmem has one that has just begun share slabs.
void work_for_a_while() {
  std::vector<void*> blocks(64);
  for (int round = 0; round < 32; ++round) {
    for (void*& block : blocks) block = std::malloc(32768);
    for (void* block : blocks) std::free(block);
  }
}

// The blocks' owner stays alive, so that they are foreign and not an exited thread's.
template <std::size_t size>
void count_foreign_free() {
  void* const call = function("free");
  std::vector<void*> blocks(2 * kForeignFrees);
  std::barrier<> allocated(2);
  std::barrier<> freed(2);
  std::thread owner([&] {
    work_for_a_while();
    for (void*& block : blocks) block = std::malloc(size);
    allocated.arrive_and_wait();
    freed.arrive_and_wait();
  });
  allocated.arrive_and_wait();
  warm_up(size);
  for (std::size_t i = 0; i < kForeignFrees; ++i) std::free(blocks[i]);
  for (std::size_t i = kForeignFrees; i < blocks.size(); ++i) marked(call, number(blocks[i]));
  freed.arrive_and_wait();
  owner.join();
}

// LD_PRELOAD that fails only warns; the counts would be the C library's.
bool malloc_is_preloaded() {
  const char* const library = std::getenv("LD_PRELOAD");
  if (library == nullptr) return true;
  Dl_info info{};
  return dladdr(function("malloc"), &info) != 0 && std::string_view(info.dli_fname) == library;
}

}  // namespace

const std::array<Path, 18> kPaths = {{
    {"malloc_64", "malloc(64)", Summary::kMode, count_malloc<64>},
    {"malloc_1024", "malloc(1024)", Summary::kMode, count_malloc<1024>},
    {"malloc_1025", "malloc(1025)", Summary::kMode, count_malloc<1025>},
    {"malloc_16384", "malloc(16384)", Summary::kMode, count_malloc<16384>},
    {"malloc_32768", "malloc(32768)", Summary::kMode, count_malloc<32768>},
    {"free_64", "free, 64 bytes, own", Summary::kMode, count_free<64>},
    {"free_16384", "free, 16 KiB, own", Summary::kMode, count_free<16384>},
    {"free_foreign_64", "free, 64 bytes, another thread's", Summary::kMode, count_foreign_free<64>},
    {"free_foreign_16384", "free, 16 KiB, another thread's", Summary::kMode,
     count_foreign_free<16384>},
    {"bundle_64", "the same, 64 bytes, mean of 640", Summary::kMean, count_foreign_free<64>},
    {"bundle_16384", "the same, 16 KiB, mean of 640", Summary::kMean, count_foreign_free<16384>},
    {"malloc_65536", "malloc(65536), from the hand", Summary::kMode, count_malloc<65536>},
    {"free_65536", "free, 64 KiB, into the hand", Summary::kMode, count_free<65536>},
    {"calloc_64", "calloc(1, 64)", Summary::kMode, count_calloc},
    {"realloc_in_place", "realloc, 64 to 60 bytes", Summary::kMode, count_realloc_in_place},
    {"new_64", "operator new(64)", Summary::kMode, count_new},
    {"delete_64", "operator delete(p, 64)", Summary::kMode, count_sized_delete},
    {"free_null", "free(nullptr)", Summary::kMode, count_free_null},
}};

int run_child(std::string_view name) {
  if (!malloc_is_preloaded()) {
    std::fputs("malloc is not the preloaded library's\n", stderr);
    return 1;
  }
  for (const Path& path : kPaths) {
    if (path.name == name) return path.run(), 0;
  }
  std::fprintf(stderr, "no path is called %.*s\n", static_cast<int>(name.size()), name.data());
  return 1;
}

}  // namespace count_path
