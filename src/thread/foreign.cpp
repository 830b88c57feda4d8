// Foreign: free of a block that is not the calling heap's.
//
//   free_foreign(p)
//     not in a slab: a large block, or not ours at all          free_large, free_outside_slabs (large)
//     outgoing[hash of (owner, class)]: the bundle for it       push, done: no locked operation
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
  if (HAK_UNLIKELY((tag_xor_own & kLargeBit) != 0)) return free_large(block);
  Outgoing& out = thread_cache.outgoing->slots[OutgoingTable::slot_of(tag_xor_own)];
  Slot* top = out.top;
  if (HAK_UNLIKELY(out.key != tag_xor_own || *top == kFullMark)) return free_foreign_slow(block);
  out.top = top + 1;
  *top = reinterpret_cast<Slot>(block);
}

// The compact page map's hot path knows no tags, so what it takes for foreign is asked for again.
[[gnu::noinline]] void free_foreign_slow(void* block) {
  const Tag tag = page_map.tag_of(block);
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
  Outgoing* out = at_once ? nullptr : prepare_outgoing(tag);
  if (out == nullptr) return free_without_heap(block);
  *out->top++ = reinterpret_cast<Slot>(block);
}

// Makes the slot of `tag` ready for one more block; nullptr: no memory for it.
Outgoing* Heap::prepare_outgoing(Tag tag) {
  if (cache_->outgoing == &no_outgoing) {
    if (outgoing_ == nullptr) {
      void* memory = metadata_allocate(sizeof(OutgoingTable));
      if (memory == nullptr) return nullptr;
      outgoing_ = new (memory) OutgoingTable;
    }
    cache_->outgoing = outgoing_;
  }
  const std::uint32_t key = static_cast<std::uint32_t>(tag) ^ cache_->tag;
  const unsigned slot = OutgoingTable::slot_of(key);
  Outgoing& out = outgoing_->slots[slot];
  if (out.key == key && *out.top != kFullMark) return &out;
  housekeeping();
  dispatch_outgoing(slot);
  Magazine* bundle = take_usual(class_of(tag));
  if (bundle == nullptr) return nullptr;
  bundle->set_capacity(live_knobs.bundle_limit(class_of(tag), bundle->capacity));
  out = {bundle->slots(), key};
  outgoing_->bundles[slot] = bundle;
  return &out;
}

void Heap::dispatch_outgoing(unsigned slot) {
  Magazine* bundle = outgoing_->bundles[slot];
  if (bundle == nullptr) return;
  const Tag tag{outgoing_->slots[slot].key ^ cache_->tag};
  bundle->count = static_cast<std::uint8_t>(outgoing_->count_in(slot));
  outgoing_->slots[slot] = Outgoing{};
  outgoing_->bundles[slot] = nullptr;
  const ClassId c = class_of(tag);
  count(slow_counts_.sent[index_of(c)], std::uint32_t{bundle->count});
  bundle->set_capacity(magazine_capacity(c));
  const SlowEvent event(slow_counts_, SlowWork::kHandOver);
  dispatch(tag, bundle);
}

void Heap::dispatch(Tag tag, Magazine* bundle) {
  Heap* owner = heap_of(owner_of(tag));
  if (owner != nullptr && owner->send(class_of(tag), bundle)) return;
  if (offer_to_depot(tag, owner, bundle)) return;
  send_home(bundle);
}

// To this thread's own place where that is on the blocks' node, else to their owner's.
bool Heap::offer_to_depot(Tag tag, const Heap* owner, Magazine* bundle) {
  os::Place place = place_.load_relaxed();
  if (HAK_UNLIKELY(os::places.nodes() > 1)) {
    const os::Node node = owner != nullptr ? owner->node() : node_of_shared(owner_of(tag));
    if (node != node_ && owner == nullptr) return false;
    if (node != node_) place = owner->place_.load_relaxed();
  }
  return depots[place].offer(class_of(tag), bundle);
}

void Heap::flush_foreign() {
  if (outgoing_ == nullptr) return;
  for (unsigned slot = 0; slot < kOutgoingSlots; ++slot) dispatch_outgoing(slot);
}

}  // namespace hakmem
