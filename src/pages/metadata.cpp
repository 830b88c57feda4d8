#include "pages/metadata.hpp"

#include "base/bits.hpp"
#include "base/lock.hpp"
#include "os/memory.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

namespace {

constinit Lock lock{LockRank::kMetadata};
constinit std::byte* cursor HAK_GUARDED_BY(lock) = nullptr;
constinit std::size_t left HAK_GUARDED_BY(lock) = 0;
constinit Atomic<std::size_t> handed_out{0};  // written under the lock

// Address space is free where it is unlimited; where it is counted, take little at a time.
constexpr std::size_t kChunk = 4 * kMiB;
constexpr std::size_t kSmallChunk = 256 * kKiB;

bool add_chunk_locked(std::size_t at_least) HAK_REQUIRES(lock) {
  const std::size_t usual = page_map.is_flat() ? kChunk : kSmallChunk;
  for (const std::size_t size : {usual > at_least ? usual : at_least, at_least}) {
    const std::size_t bytes = align_up(size, os::memory.page_size);
    std::byte* chunk = os::memory.map(bytes, os::memory.page_size, false);
    if (chunk == nullptr) continue;
    os::memory.advise_huge(chunk, bytes, false);
    cursor = chunk;
    left = bytes;
    return true;
  }
  return false;
}

}  // namespace

void* metadata_allocate(std::size_t bytes) {
  bytes = align_up(bytes, kCacheLine);
  const LockGuard guard(lock);
  if (left < bytes && !add_chunk_locked(bytes)) return nullptr;
  void* record = cursor;
  cursor += bytes;
  left -= bytes;
  handed_out.store_relaxed(handed_out.load_relaxed() + bytes);
  return record;
}

MetadataUse metadata_use() { return {handed_out.load_relaxed()}; }

bool metadata_lock_is_mine() { return lock.is_mine(); }
void lock_metadata_for_fork(bool patient) { lock.lock_for_fork(patient); }
void unlock_metadata_after_fork(bool in_child) { lock.unlock_after_fork(in_child); }

}  // namespace hakmem
