// Foreign: free of a block that is not the calling heap's.
//
//   free_foreign(p)
//     not in a slab: a large block, or not ours at all          free_large, free_outside_slabs (large)
//     outgoing[hash of (owner, class)]: the bundle for it       push, done: no locked operation
//       taken by another owner: the class's mixed one           push, done
//       full, and hot                                           it becomes longer
//       full, or that full, or none                             dispatch the bundle:
//         the owner's inbox has room                            one exchange; its refill takes it
//         the class fills whole lines, the depot has room,      one exchange; anybody's refill
//         not everybody's, nor mixed among many heaps
//         else                                                  home, to the slabs' shared bits
//
// A sleeping owner's inbox fills up and everything else goes home without it; an exited owner's
// inbox is closed. Bundles that wait for more than a second go at the next slow path; when their thread
// sleeps others empty them (idle_bundles.hpp).
#include "learn/bundle_threshold.hpp"
#include "os/clock.hpp"
#include "pages/metadata.hpp"
#include "thread/heap.hpp"
#include "thread/hot.hpp"
#include "thread/idle_bundles.hpp"
#include "thread/large_hooks.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

// Its owner has no bundle here: into the mixed bundle of its class, where there is one with room. A full one goes its way first.
// nullptr has none, so that the warm path need not ask for it.
[[gnu::noinline]] void free_mixed(void* block, std::uint32_t tag_xor_own) {
  if (block == nullptr) return;
  const Outgoing& theirs = thread_cache.outgoing->slots[OutgoingTable::slot_of(tag_xor_own)];
  if (theirs.key.load_relaxed() == tag_xor_own) return free_foreign_slow(block);
  const Tag tag{tag_xor_own ^ thread_cache.tag};
  const std::uint32_t key = thread_cache.mixed_key ^ static_cast<std::uint32_t>(index_of(class_of(tag)));
  Outgoing& out = thread_cache.outgoing->slots[OutgoingTable::slot_of(key)];
  Slot* top = out.top.load_relaxed();
  if (out.key.load_relaxed() != key || *top == kFullMark || !thread_cache.heap->may_mix(tag)) return free_foreign_slow(block);
  out.push(top, block);
}

}  // namespace

void free_foreign(void* block, std::uint32_t tag_xor_own) {
  Outgoing& out = thread_cache.outgoing->slots[OutgoingTable::slot_of(tag_xor_own)];
  Slot* top = out.top.load_relaxed();
  if (HAK_UNLIKELY(out.key.load_relaxed() != tag_xor_own || *top == kFullMark)) return free_mixed(block, tag_xor_own);
  out.push(top, block);
}

namespace {

// Mixed bundles, and those of everybody's blocks, have none, and are never longer than usual: they wait for nobody. Nor have
// those of small blocks, of which a magazine has no more.
bool has_pace(Tag tag) {
  const ClassId c = class_of(tag);
  return bundle_capacity(c) < magazine_capacity(c) && heap_of(owner_of(tag)) != nullptr;
}

// A bundle may be cut shorter than its magazine is.
unsigned longest(const Magazine& bundle, ClassId c) {
  const unsigned capacity = magazine_capacity(c);
  return bundle.is_short && capacity > kShortSlots ? kShortSlots : capacity;
}

}  // namespace

// The compact page map's hot path knows no tags, so what it takes for foreign is asked for again.
[[gnu::noinline]] void free_foreign_slow(void* block) {
  const Tag tag = page_map.tag_of(block);
  if (owner_of(tag) == kNoOwner) return free_outside_slabs(block, tag);
  Heap* heap = thread_heap(owner_of(tag));
  if (HAK_UNLIKELY(heap == nullptr)) return free_without_heap(block);
  heap->free_of_other(block, tag);
}

void free_without_heap(void* block) {
  const Slot lone = reinterpret_cast<Slot>(block);
  return_blocks(nullptr, &lone, 1);
}

void Heap::free_of_other(void* block, Tag tag) {
  if (owner_of(tag) == owner_) {  // the compact page map sends every free here
    if (*top(class_of(tag)) == kFullMark) return make_room(block, class_of(tag));
    return free_own(block, class_of(tag));
  }
  const Heap* owner = heap_of(owner_of(tag));
  const bool at_once = owner != nullptr && owner->is_users();  // it may be destroyed any moment
  Outgoing* out = at_once ? nullptr : prepare_outgoing(tag);
  if (out == nullptr) return free_without_heap(block);
  out->push(out->top.load_relaxed(), block);
}

// Makes the slot of `tag` ready for one more block; nullptr: it had better go home alone.
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
  if (out.key.load_relaxed() == key && *out.top.load_relaxed() != kFullMark) return &out;
  if (const Tag mixed = tag_for(nobodys_owner(node_), class_of(tag)); tag != mixed && should_mix(slot, key) && may_mix(tag)) {
    return prepare_outgoing(mixed);
  }
  note_pace(slot, tag);
  housekeeping();
  if (key != (static_cast<std::uint32_t>(tag) ^ cache_->tag)) return nullptr;  // it has just come to share, or ceased to
  enter_gate();
  Outgoing* ready = &out;
  if (out.key.load_relaxed() != key || !lengthen_bundle(slot, tag)) {
    ++slow_paths_;
    ready = open_bundle(slot, tag);
  }
  gate_.leave();
  return ready;
}

// With blocks of more heaps than there are slots, every free would find another's bundle in its slot and
// send that on its way nearly empty. So most such blocks go into a bundle for nobody in particular, and now
// and then the newcomer gets the slot.
bool Heap::should_mix(unsigned slot, std::uint32_t key) {
  constexpr unsigned kNewcomers = 16;
  const std::uint32_t there = outgoing_->slots[slot].key.load_relaxed();
  return there != 0 && there != key && ++collisions_ % kNewcomers != 0;
}

// It is a block of a thread's slab in this node's memory.
bool Heap::may_mix(Tag tag) const {
  const OwnerId id = owner_of(tag);
  if (id == kNoOwner) return false;
  const Heap* owner = heap_of(id);
  return owner == nullptr ? node_of_shared(id) == node_ : !owner->is_users_ && owner->node_ == node_;
}

// The slot's bundle is full: how soon, says how long it, or the next one, is to be. Where another's is, or none, it begins anew.
void Heap::note_pace(unsigned slot, Tag tag) {
  std::uint8_t& doublings = outgoing_->doublings[slot];
  if (outgoing_->slots[slot].key.load_relaxed() != (static_cast<std::uint32_t>(tag) ^ cache_->tag)) {
    doublings = 0;
    return;
  }
  const bool as_long_as_can_be = outgoing_->bundles[slot]->capacity >= bundle_length(slot, tag);
  if (!has_pace(tag) || !as_long_as_can_be) return;
  const ClassId c = class_of(tag);
  const bool may_grow = bundle_capacity(c) << doublings < live_knobs.bundle_limit(c, magazine_capacity(c));
  doublings = learn::next_doublings(doublings, may_grow, os::now_ns() - outgoing_->opened_ns[slot]);
}

// How many blocks the slot's bundle may gather.
unsigned Heap::bundle_length(unsigned slot, Tag tag) const {
  const ClassId c = class_of(tag);
  const unsigned usual = bundle_capacity(c);
  const unsigned wanted = has_pace(tag) ? usual << outgoing_->doublings[slot] : usual;
  const unsigned most = wanted < magazine_capacity(c) ? wanted : magazine_capacity(c);
  return live_knobs.bundle_limit(c, most);
}

// What was in the slot goes on its way. nullptr: no memory for a bundle.
Outgoing* Heap::open_bundle(unsigned slot, Tag tag) {
  dispatch_outgoing(slot);
  Magazine* bundle = take_bundle(slot, tag);
  if (bundle == nullptr) return nullptr;
  const unsigned room = longest(*bundle, class_of(tag));
  const unsigned limit = bundle_length(slot, tag);
  if (limit > bundle->count) bundle->set_capacity(limit < room ? limit : room);
  outgoing_->slots[slot].set(bundle->slots() + bundle->count, static_cast<std::uint32_t>(tag) ^ cache_->tag);
  outgoing_->bundles[slot] = bundle;
  if (has_pace(tag)) outgoing_->opened_ns[slot] = os::now_ns();
  bundle->count = 0;  // from now on: how many of them others have taken out
  bundles_opened_.store_relaxed(bundles_opened_.load_relaxed() + 1);
  note_bundles();
  return &outgoing_->slots[slot];
}

// A thread that lives on shared slabs frees into the magazine that it allocated from, once that is half
// used: what it has not used goes home with the rest when it sleeps. The first bundle of a slot is short, and so are all
// that need no more room: most threads fill none.
Magazine* Heap::take_bundle(unsigned slot, Tag tag) {
  const ClassId c = class_of(tag);
  const ClassState& s = state(c);
  if (owner_of(tag) == everybodys_owner(node_) && s.attached == nullptr && s.loaded != nullptr) {
    const auto left = static_cast<unsigned>(top(c) - s.loaded->slots());
    if (2 * left <= s.loaded->count || left < knobs::kFirstFill) return unload(c);
  }
  return (filled_slots_ >> slot & 1) != 0 ? take_usual(c) : take_short(c);
}

// And the other way: what such a thread has freed is the first that it allocates again.
bool Heap::take_bundle_back(ClassId c) {
  if (outgoing_ == nullptr || !fills_whole_lines(c)) return false;
  const std::uint32_t key = static_cast<std::uint32_t>(tag_for(everybodys_owner(node_), c)) ^ cache_->tag;
  const unsigned slot = OutgoingTable::slot_of(key);
  enter_gate();
  const bool is_there = outgoing_->slots[slot].key.load_relaxed() == key;
  Magazine* bundle = is_there ? outgoing_->bundles[slot] : nullptr;
  const unsigned blocks = is_there ? outgoing_->count_in(slot) : 0;
  if (blocks != 0) {
    outgoing_->bundles[slot] = nullptr;
    outgoing_->slots[slot].set(&boundary[1], 0);
  }
  gate_.leave();
  if (blocks == 0) return false;
  bundle->set_capacity(longest(*bundle, c));
  if (state(c).loaded != nullptr) recycle(unload(c));
  load(c, bundle, blocks);
  return true;
}

// False: it is as long as it gets.
bool Heap::lengthen_bundle(unsigned slot, Tag tag) {
  const ClassId c = class_of(tag);
  Magazine* old = outgoing_->bundles[slot];
  const unsigned limit = bundle_length(slot, tag);
  if (limit <= old->capacity) return false;
  if (!old->is_short) {
    old->set_capacity(limit);
    return true;
  }
  filled_slots_ |= std::uint64_t{1} << slot;
  Magazine* longer = take_usual(c);
  if (longer == nullptr) return false;
  longer->set_capacity(limit);
  const unsigned blocks = outgoing_->count_in(slot);
  for (unsigned i = 0; i < blocks; ++i) longer->slots()[i] = old->slots()[i];
  outgoing_->bundles[slot] = longer;
  outgoing_->slots[slot].top.store_relaxed(longer->slots() + blocks);
  recycle(old);
  return true;
}

void Heap::dispatch_outgoing(unsigned slot) {
  Magazine* bundle = outgoing_->bundles[slot];
  if (bundle == nullptr) return;
  const std::uint32_t key = outgoing_->slots[slot].key.load_relaxed();
  const unsigned blocks = outgoing_->count_in(slot);
  outgoing_->bundles[slot] = nullptr;
  outgoing_->slots[slot].set(&boundary[1], 0);
  if (HAK_UNLIKELY(key == 0)) {  // others have taken out all but those
    return_blocks(this, bundle->slots() + bundle->count, blocks - bundle->count);
    return recycle(bundle);
  }
  const Tag tag{key ^ cache_->tag};
  const ClassId c = class_of(tag);
  bundle->count = static_cast<std::uint8_t>(blocks);
  count(slow_counts_.sent[index_of(c)], std::uint32_t{bundle->count});
  bundle->set_capacity(longest(*bundle, c));
  const SlowEvent event(slow_counts_, SlowWork::kHandOver);
  dispatch(tag, bundle);
}

// Some bundle may have blocks, for all its thread knows.
void Heap::note_bundles() {
  if (!has_bundles_.load_relaxed()) has_bundles_.store_release(true);  // pairs with has_bundles()
  note_bundle_opened();
}

// The sum is another one after every free of another's block, as good as surely.
bool Heap::bundles_are_idle() {
  std::uint64_t sum = bundles_opened_.load_relaxed();
  for (const Outgoing& out : outgoing_->slots) sum = sum * 31 + reinterpret_cast<std::uintptr_t>(out.top.load_relaxed());
  const bool idle = sum == bundles_seen_;
  bundles_seen_ = sum;
  if (sum == bundles_emptied_) has_bundles_.store_relaxed(false);
  return idle && sum != bundles_emptied_;
}

// Its thread may be at any instruction of free_foreign(): what it is pushing comes to lie above the
// top that is seen here. It finds no key when it comes to free the next block, and opens another bundle,
// so that whoever looks hears of it.
void Heap::empty_outgoing() {
  for (unsigned slot = 0; slot < kOutgoingSlots; ++slot) {
    Magazine* bundle = outgoing_->bundles[slot];
    if (bundle == nullptr) continue;
    const Slot* top = outgoing_->slots[slot].top.load_acquire();  // pairs with Outgoing::push()
    const auto blocks = static_cast<unsigned>(top - bundle->slots());
    return_blocks(nullptr, bundle->slots() + bundle->count, blocks - bundle->count);
    bundle->count = static_cast<std::uint8_t>(blocks);
    outgoing_->slots[slot].key.store_relaxed(0);
  }
  bundles_emptied_ = bundles_seen_;
  has_bundles_.store_relaxed(false);
}

// In a forked child: somebody was just emptying them, so whose the blocks are is not known.
void Heap::forget_bundles() {
  for (unsigned slot = 0; slot < kOutgoingSlots; ++slot) {
    outgoing_->bundles[slot] = nullptr;
    outgoing_->slots[slot].set(&boundary[1], 0);
  }
}

void Heap::dispatch(Tag tag, Magazine* bundle) {
  Heap* owner = heap_of(owner_of(tag));
  if (owner != nullptr && owner->send(class_of(tag), bundle)) return;
  if (offer_to_depot(tag, owner, bundle)) return;
  send_home(bundle);
}

// To this thread's own place where that is on the blocks' node, else to their owner's. Not what is everybody's, nor what is mixed where
// there are many heaps: from the depot it would come as a stranger's to every heap, again and again. At home whoever takes its slab
// owns it.
bool Heap::offer_to_depot(Tag tag, const Heap* owner, Magazine* bundle) {
  if (shares() || (owner == nullptr && (owner_of(tag) != nobodys_owner(node_) || many_heaps()))) return false;
  if (!fills_whole_lines(class_of(tag))) return false;
  const os::Place place = owner == nullptr || owner->node_ == node_ ? place_.load_relaxed() : owner->place_.load_relaxed();
  return depots[place].offer(class_of(tag), bundle);
}

void Heap::flush_foreign() {
  if (outgoing_ == nullptr) return;
  enter_gate();
  for (unsigned slot = 0; slot < kOutgoingSlots; ++slot) dispatch_outgoing(slot);
  has_bundles_.store_relaxed(false);
  gate_.leave();
}

}  // namespace hakmem
