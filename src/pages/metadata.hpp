// Metadata: memory for the allocator's own records, apart from the user's blocks.
//
// Each node of memory has chunks of its own; records come from the calling thread's.
//
//   chunk  [record][record][record]......untouched......      handed out upwards, never unmapped
//
// Records are 64-byte aligned and of lasting type: once memory has held a T from a Pool<T>, it
// holds a T for ever, so that a late reader of a freed record reads a T, never a stranger.
//
// Above: every layer with records. Below: os. Any thread.
#pragma once

#include <cstddef>
#include <new>

#include "base/bits.hpp"
#include "base/tagged_stack.hpp"
#include "base/units.hpp"

namespace hakmem {

// Zeroed, 64-byte aligned; nullptr when the system has no more.
void* metadata_allocate(std::size_t bytes);

struct MetadataUse {
  std::size_t handed_out;  // bytes of records ever made
};
MetadataUse metadata_use();

bool metadata_lock_is_mine();
bool lock_metadata_for_fork(bool patient);
void unlock_metadata_after_fork(bool in_child);

// Records of one type, recycled through a lock-free stack. T has `Atomic<T*> next` and a default
// constructor.
template <typename T>
class Pool {
 public:
  constexpr Pool() = default;

  T* take() {
    if (T* record = free_.pop()) return record;
    void* memory = metadata_allocate(align_up(sizeof(T), kCacheLine));
    return memory == nullptr ? nullptr : new (memory) T;
  }

  void give(T* record) { free_.push(record); }

 private:
  TaggedStack<T> free_;
};

}  // namespace hakmem
