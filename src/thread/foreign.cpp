// Foreign: free of a block that is not the calling heap's.
//
//   free_foreign(p)
//     not in a slab: a large block, or not ours at all          free_outside_slabs (large)
//     outgoing_[hash of (owner, class)]: the bundle for it      push, done: no locked operation
//       taken by another owner, or full                         dispatch the bundle:
//         the owner's inbox has room                            one exchange; its refill takes it
//         the class fills whole lines, the depot has room       one exchange; anybody's refill
//         else                                                  home, to the slabs' shared bits
//
// A sleeping owner's inbox fills up and everything else goes home without it; an exited owner's
// inbox is closed. Bundles that wait for more than a second go at the next slow path.
#include "pages/metadata.hpp"
#include "thread/heap.hpp"
#include "thread/hot.hpp"
#include "thread/large_hooks.hpp"
#include "thread/registry.hpp"

namespace hakmem {

void free_foreign(void* block, std::uint32_t tag_xor_own) {
  const std::uint32_t tag = tag_xor_own ^ thread_cache.tag;
  Outgoing& out = thread_cache.outgoing->of(tag);
  if (HAK_UNLIKELY(out.tag != tag || *out.top == kFullMark)) return free_foreign_slow(block);
  *out.top++ = reinterpret_cast<Slot>(block);
}

void free_foreign_slow(void* block) {
  const Tag tag = page_map.tag_of(block);  // the compact form's hot path knows no tags
  if (owner_of(tag) == kNoOwner) return free_outside_slabs(block, tag);
  Heap* heap = thread_heap();
  if (HAK_UNLIKELY(heap == nullptr)) return free_without_heap(block);
  heap->free_of_other(block, tag);
}

void free_without_heap(void* block) {
  const Slot lone = reinterpret_cast<Slot>(block);
  return_blocks(nullptr, &lone, 1);
}

void Heap::free_of_other(void* block, Tag tag) {
  if (owner_of(tag) == id_) {  // the compact page map sends every free here
    if (*top(class_of(tag)) == kFullMark) return make_room(block, class_of(tag));
    return free_own(block, class_of(tag));
  }
  const Heap* owner = heap_of(owner_of(tag));
  const bool at_once = owner != nullptr && owner->is_users();  // it may be destroyed any moment
  if (at_once || !prepare_outgoing(tag)) return free_without_heap(block);
  *outgoing_of(tag).top++ = reinterpret_cast<Slot>(block);
}

// Makes the slot of `tag` ready for one more block. False: no memory for it.
bool Heap::prepare_outgoing(Tag tag) {
  if (cache_->outgoing == &no_outgoing) {
    if (outgoing_ == nullptr) {
      void* memory = metadata_allocate(sizeof(OutgoingTable));
      if (memory == nullptr) return false;
      outgoing_ = new (memory) OutgoingTable;
    }
    cache_->outgoing = outgoing_;
  }
  Outgoing& out = outgoing_of(tag);
  if (out.tag == static_cast<std::uint32_t>(tag) && *out.top != kFullMark) return true;
  housekeeping();
  if (out.bundle != nullptr) dispatch_outgoing(out);
  Magazine* bundle = take_usual(class_of(tag));
  if (bundle == nullptr) return false;
  out = {static_cast<std::uint32_t>(tag), bundle->slots(), bundle};
  return true;
}

void Heap::dispatch_outgoing(Outgoing& out) {
  Magazine* bundle = out.bundle;
  const Tag tag{out.tag};
  bundle->count = static_cast<std::uint8_t>(out.top - bundle->slots());
  out = Outgoing{};
  dispatch(tag, bundle);
}

void Heap::dispatch(Tag tag, Magazine* bundle) {
  Heap* owner = heap_of(owner_of(tag));
  if (owner != nullptr && owner->send(class_of(tag), bundle)) return;
  if (depot.offer(class_of(tag), bundle)) return;
  send_home(bundle);
}

void Heap::flush_foreign() {
  if (cache_->outgoing == &no_outgoing) return;
  for (Outgoing& out : cache_->outgoing->slots) {
    if (out.bundle != nullptr) dispatch_outgoing(out);
  }
}

}  // namespace hakmem
