#include "api/allocate.hpp"

#include <cstring>

#include "api/misuse.hpp"
#include "api/next_allocator.hpp"
#include "large/idle_blocks.hpp"
#include "large/large.hpp"
#include "thread/boot_hook.hpp"
#include "thread/last_resort.hpp"
#include "thread/registry.hpp"

namespace hakmem {

void* allocate_large_zeroed(std::size_t bytes, const void* caller) {
  boot();
  const LargeBlock block = make_large(bytes, kMinAlign, kNoOwner, caller);
  if (block.start != nullptr && !block.zeroed) std::memset(block.start, 0, bytes);
  return block.start;
}

void* allocate_large_aligned(std::size_t alignment, std::size_t size, const void* caller) {
  boot();
  return make_large(size, alignment, kNoOwner, caller).start;
}

std::size_t block_bytes(const void* block, Tag tag) {
  if (owner_of(tag) != kNoOwner) return size_of(class_of(tag));
  return starts_large_block(block, tag) ? large_bytes(block) : 0;
}

std::size_t usable_size(const void* block) {
  if (block == nullptr) return 0;
  const Tag tag = page_map.tag_of(block);
  return tag == tag_for(Kind::kForeign) ? next_usable_size(block) : block_bytes(block, tag);
}

void* resize_same_block(void* block, Tag tag, std::size_t size, const void* caller) {
  if (owner_of(tag) != kNoOwner) return fits_in_place(size, size_of(class_of(tag))) ? block : nullptr;
  return size > kMaxSmall ? resize_large(block, size, caller) : nullptr;
}

namespace {

[[gnu::noinline]] void* reallocate_slow(void* block, Tag tag, std::size_t size, const void* caller) {
  if (tag == tag_for(Kind::kForeign)) return next_reallocate(block, size);
  const std::size_t held = block_bytes(block, tag);
  if (held == 0) {
    report_bad_pointer("realloc", block);
    return nullptr;
  }
  if (void* same = resize_same_block(block, tag, size, caller)) return same;
  void* moved = allocate_for(size, caller);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, size < held ? size : held);
  deallocate(block);
  return moved;
}

}  // namespace

void* reallocate(void* block, std::size_t size, const void* caller) {
  const Tag tag = page_map.tag_of(block);
  const bool stays = owner_of(tag) != kNoOwner && fits_in_place(size, size_of(class_of(tag)));
  return HAK_LIKELY(stays) ? block : reallocate_slow(block, tag, size, caller);
}

bool trim() {
  const auto returned = [] { return run_store.use().purged_bytes + idle_blocks.use().releases; };
  const std::uint64_t before = returned();
  give_everything_back();
  return returned() != before;
}

}  // namespace hakmem
