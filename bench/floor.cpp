// Floor: the least that a malloc can do, as a library to preload: what is left of a benchmark's time
// under it is the benchmark's own work.
//
//   class of n: one division by a constant     address = arena + class x 4 GiB + what is handed out
//   malloc: pop from an array of the thread    free: class from the address, push to an array of the thread
//
// It never gives memory back, never balances threads, does not zero in time, checks nothing, and
// leaks what is over 32 KiB. It is a yardstick, not an allocator.
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

constexpr std::size_t kFine = 1024;
constexpr std::size_t kMost = 32768;
constexpr std::size_t kFineClasses = kFine / 16;
constexpr std::size_t kClasses = kFineClasses + kMost / 128;
constexpr std::size_t kLarge = kClasses;   // the range that is only ever handed out
constexpr std::size_t kArrays = kClasses + 1;
constexpr unsigned kRangeShift = 32;
constexpr std::size_t kSlots = std::size_t{1} << 20;

std::atomic<std::uintptr_t> arena{0};
std::atomic<std::uintptr_t> handed_out[kClasses + 2];
thread_local std::uintptr_t* tops[kClasses] __attribute__((tls_model("initial-exec")));

std::uintptr_t make_arena() {
  constexpr std::size_t kBytes = (kClasses + 2) << kRangeShift;
  void* start = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  std::uintptr_t none = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  if (!arena.compare_exchange_strong(none, address)) munmap(start, kBytes);
  return arena.load();
}

void* hand_out(std::size_t range, std::size_t bytes) {
  const std::uintptr_t base = arena.load() != 0 ? arena.load() : make_arena();
  return reinterpret_cast<void*>(base + (range << kRangeShift) + handed_out[range].fetch_add(bytes));
}

std::size_t class_of(std::size_t n) {
  if (n <= kFine) return n == 0 ? 0 : (n - 1) / 16;
  return kFineClasses + (n - 1) / 128;
}

std::size_t size_of(std::size_t c) { return c < kFineClasses ? (c + 1) * 16 : (c - kFineClasses + 1) * 128; }

// The array starts with a zero, which stops pop.
void make_array(std::size_t c) {
  tops[c] = static_cast<std::uintptr_t*>(hand_out(kArrays, kSlots * sizeof(std::uintptr_t))) + 1;
}

__attribute__((noinline)) void* allocate_slow(std::size_t n) {
  if (n > kMost) return hand_out(kLarge, (n + 4095) & ~std::size_t{4095});
  const std::size_t c = class_of(n);
  if (tops[c] == nullptr) make_array(c);
  return hand_out(c, size_of(c));
}

}  // namespace

extern "C" {

void* malloc(std::size_t n) {
  if (n > kMost) return allocate_slow(n);
  std::uintptr_t*& top = tops[class_of(n)];
  if (top == nullptr || top[-1] == 0) return allocate_slow(n);
  return reinterpret_cast<void*>(*--top);
}

void free(void* block) {
  const std::size_t c = (reinterpret_cast<std::uintptr_t>(block) - arena.load(std::memory_order_relaxed)) >> kRangeShift;
  if (c >= kClasses) return;
  if (tops[c] == nullptr) make_array(c);
  *tops[c]++ = reinterpret_cast<std::uintptr_t>(block);
}

void* calloc(std::size_t count, std::size_t size) {
  void* block = malloc(count * size);
  return std::memset(block, 0, count * size);
}

void* realloc(void* block, std::size_t size) {
  void* moved = malloc(size);
  if (block != nullptr) std::memcpy(moved, block, size);  // reads beyond a shorter one, inside the arena
  free(block);
  return moved;
}

}  // extern "C"
