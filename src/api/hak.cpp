// hak: the C interface of include/hakmem/hakmem.h.
#include <cerrno>
#include <cstring>

#include "api/allocate.hpp"
#include "api/errors.hpp"
#include "api/profile.hpp"
#include "api/snapshot.hpp"
#include "api/user_heap.hpp"
#include "base/bits.hpp"
#include "hakmem/hakmem.h"
#include "telemetry/explain.hpp"

using hakmem::or_enomem;

namespace {

bool valid_alignment(std::size_t alignment) {
  if (hakmem::is_power_of_two(alignment)) return true;
  errno = EINVAL;
  return false;
}

}  // namespace

extern "C" {

#define HAK_TEXT_OF(number) #number
#define HAK_TEXT(number) HAK_TEXT_OF(number)
const char* hak_version(void) {
  return HAK_TEXT(HAKMEM_VERSION_MAJOR) "." HAK_TEXT(HAKMEM_VERSION_MINOR) "." HAK_TEXT(HAKMEM_VERSION_PATCH);
}

void* hak_malloc(size_t bytes) { return or_enomem(hakmem::allocate_here(bytes)); }

void* hak_calloc(size_t count, size_t bytes) {
  return or_enomem(hakmem::allocate_zeroed_here(count, bytes));
}

void* hak_realloc(void* block, size_t bytes) {
  if (block == nullptr) return or_enomem(hakmem::allocate_here(bytes));
  if (bytes == 0) {
    hakmem::deallocate(block);
    return nullptr;
  }
  return or_enomem(hakmem::reallocate(block, bytes, __builtin_return_address(0)));
}

void* hak_aligned_alloc(size_t alignment, size_t bytes) {
  if (!valid_alignment(alignment)) return nullptr;
  return or_enomem(hakmem::allocate_aligned_here(alignment, bytes));
}

void hak_free(void* block) { hakmem::deallocate(block); }

size_t hak_usable_size(const void* block) { return hakmem::usable_size(block); }

void hak_trim(void) { hakmem::trim(); }

int hak_profile_save(void) { return hakmem::save_profile() ? 0 : -1; }

int hak_stats_get(struct hak_stats* stats, size_t bytes) {
  if (stats == nullptr || bytes < offsetof(struct hak_stats, resident_bytes)) {
    errno = EINVAL;
    return -1;
  }
  if (bytes >= sizeof *stats) {
    hakmem::gather_stats(stats);
    return 0;
  }
  struct hak_stats whole;
  hakmem::gather_stats(&whole);
  std::memcpy(stats, &whole, bytes);
  return 0;
}

size_t hak_explain(char* buffer, size_t size) {
  if (buffer == nullptr) size = 0;
  struct hak_stats stats;
  hakmem::gather_stats(&stats);
  return hakmem::explain(stats, buffer, size);
}

hak_heap_t* hak_heap_create(void) { return or_enomem(hakmem::create_user_heap()); }

void hak_heap_destroy(hak_heap_t* heap) {
  if (heap != nullptr) hakmem::destroy_user_heap(heap);
}

void* hak_heap_malloc(hak_heap_t* heap, size_t bytes) {
  return or_enomem(hakmem::allocate_in(heap, bytes, hakmem::kMinAlign).start);
}

void* hak_heap_calloc(hak_heap_t* heap, size_t count, size_t bytes) {
  size_t total = 0;
  if (__builtin_mul_overflow(count, bytes, &total)) return or_enomem<void>(nullptr);
  const hakmem::LargeBlock block = hakmem::allocate_in(heap, total, hakmem::kMinAlign);
  if (block.start != nullptr && !block.zeroed) std::memset(block.start, 0, total);
  return or_enomem(block.start);
}

void* hak_heap_realloc(hak_heap_t* heap, void* block, size_t bytes) {
  if (block == nullptr) return hak_heap_malloc(heap, bytes);
  if (bytes == 0) {
    hakmem::deallocate(block);
    return nullptr;
  }
  const hakmem::Tag tag = hakmem::page_map.tag_of(block);
  const size_t held = hakmem::usable_size(block);
  if (held != 0 && tag != hakmem::tag_for(hakmem::Kind::kForeign)) {
    if (void* same = hakmem::resize_same_block(block, tag, bytes, __builtin_return_address(0))) return same;
  }
  void* moved = hak_heap_malloc(heap, bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, bytes < held ? bytes : held);
  hakmem::deallocate(block);
  return moved;
}

void* hak_heap_aligned_alloc(hak_heap_t* heap, size_t alignment, size_t bytes) {
  return valid_alignment(alignment) ? or_enomem(hakmem::allocate_in(heap, bytes, alignment).start) : nullptr;
}

}  // extern "C"
