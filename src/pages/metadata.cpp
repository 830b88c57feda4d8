#include "pages/metadata.hpp"

#include "base/bits.hpp"
#include "base/lock.hpp"
#include "os/memory.hpp"
#include "os/place.hpp"
#include "pages/page_map.hpp"

namespace hakmem {

namespace {

constinit Lock lock{LockRank::kMetadata};
struct Chunk {
  std::byte* cursor;
  std::size_t left;
  std::byte* resident_to;
};
constinit Chunk chunks[os::kMostNodes] HAK_GUARDED_BY(lock) = {};
constinit Atomic<std::size_t> handed_out{0};  // written under the lock

// Address space is free where it is unlimited; where it is counted, take little at a time.
constexpr std::size_t kChunk = 4 * kMiB;
constexpr std::size_t kSmallChunk = 256 * kKiB;

// Records are written to as they are handed out, so the next pages are made resident in one call, not by a fault each: as
// many as a program needs that does nothing (`perl -e 1`: seven). A longer record is a table, of which little may be used.
constexpr std::size_t kResidentAhead = 32 * kKiB;

bool add_chunk_locked(os::Node node, std::size_t at_least) HAK_REQUIRES(lock) {
  const std::size_t usual = page_map.is_flat() ? kChunk : kSmallChunk;
  for (const std::size_t size : {usual > at_least ? usual : at_least, at_least}) {
    const std::size_t bytes = align_up(size, os::memory.page_size);
    std::byte* chunk = os::memory.map(bytes, os::memory.page_size, false);
    if (chunk == nullptr) continue;
    os::memory.advise_huge(chunk, bytes, false);
    if (os::places.nodes() > 1) os::memory.prefer_node(chunk, bytes, os::places.number_of(node));
    chunks[index_of(node)] = {chunk, bytes, chunk};
    return true;
  }
  return false;
}

void make_resident_locked(Chunk& chunk, std::size_t bytes) HAK_REQUIRES(lock) {
  std::byte* const end = chunk.cursor + bytes;
  if (end <= chunk.resident_to) return;
  if (bytes > kResidentAhead) {
    chunk.resident_to = reinterpret_cast<std::byte*>(align_up(reinterpret_cast<std::uintptr_t>(end), os::memory.page_size));
    return;
  }
  const auto ahead = static_cast<std::size_t>(chunk.cursor + chunk.left - chunk.resident_to);
  const std::size_t step = align_up(kResidentAhead, os::memory.page_size);
  const std::size_t populated = ahead < step ? ahead : step;
  os::memory.populate(chunk.resident_to, populated);
  chunk.resident_to += populated;
}

}  // namespace

void* metadata_allocate(std::size_t bytes) {
  bytes = align_up(bytes, kCacheLine);
  const os::Node node = os::places.current_node();
  Chunk& chunk = chunks[index_of(node)];
  const LockGuard guard(lock);
  if (chunk.left < bytes && !add_chunk_locked(node, bytes)) return nullptr;
  make_resident_locked(chunk, bytes);
  void* record = chunk.cursor;
  chunk.cursor += bytes;
  chunk.left -= bytes;
  handed_out.store_relaxed(handed_out.load_relaxed() + bytes);
  return record;
}

MetadataUse metadata_use() { return {handed_out.load_relaxed()}; }

bool metadata_lock_is_mine() { return lock.is_mine(); }
bool lock_metadata_for_fork(bool patient) { return lock.lock_for_fork(patient); }
void unlock_metadata_after_fork(bool in_child) { lock.unlock_after_fork(in_child); }

}  // namespace hakmem
