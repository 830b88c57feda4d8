// Heap: opening, closing, and the small moves that refill.cpp and foreign.cpp are made of.
#include "thread/heap.hpp"

#include "base/check.hpp"
#include "pages/metadata.hpp"
#include "thread/housekeeping.hpp"
#include "thread/idle_bundles.hpp"
#include "thread/registry.hpp"

namespace hakmem {

constinit thread_local Cache thread_cache = make_empty_cache();

namespace {

constexpr ClassId class_at(std::size_t i) { return ClassId{static_cast<std::uint8_t>(i)}; }

// Empty magazines a heap keeps, and how many of them leave together when there are more.
constexpr unsigned kEmptiesKept = 40;
constexpr unsigned kChainLength = 32;

}  // namespace

Heap::Heap(OwnerId id, bool is_users) : id_(id), owner_(id), is_users_(is_users) {
  const os::Place here = os::places.current();
  node_ = os::places.node_of(here);
  if (os::places.nodes() > 1) refills_per_look_ = kRefillsPerLookOnNodes;
  settle_at(here);
}

void Heap::open_inboxes() {
  for (Inbox& inbox : inboxes_) inbox.open();
}

// From now on it shares with that place, which is on its node.
void Heap::settle_at(os::Place place) {
  place_.store_relaxed(place);
  shard_ = slab_shards.of(place, id_);
}

bool Inbox::send(Magazine* bundle, std::uint32_t limit) {
  Magazine* old = head_.load_acquire();  // the record it names; pairs with the release below
  do {
    if (old == closed_mark()) return false;
    // The record may have moved on since it was read: then its depth is wrong, but the exchange
    // fails, or the limit is off by some bundles.
    const std::uint32_t below = old == nullptr ? 0 : old->depth.load_relaxed();
    if (below / kOneBundle == kMostBundles || below % kOneBundle + bundle->count > limit) return false;
    bundle->next.store_relaxed(old);
    bundle->depth.store_relaxed(below + kOneBundle + bundle->count);
    // Release: the bundle's contents and its blocks', for receive() and close().
  } while (!head_.try_replace_acq_rel(old, bundle));
  return true;
}

void Heap::open(Cache* cache) {
  cache_ = cache;
  const bool was_parked = is_parked_.load_relaxed();
  if (was_parked) {
    for (std::size_t i = 0; i < kClasses; ++i) {
      Magazine* loaded = classes_[i].loaded;
      if (loaded != nullptr) cache->top[i] = loaded->slots() + loaded->count;
    }
  } else if (!shares()) {
    open_inboxes();
  }
  cache->heap = this;
  if (outgoing_ != nullptr) cache->outgoing = outgoing_;
  bear_tag();
  open_allowance();
  is_parked_.store_relaxed(false);
  seen_away_ = 0;
  look_around();
  is_new_ = !was_parked || shares();  // slabs of its own that are there already are used
  slow_paths_ = 0;
  changed_at_ms_ = 0;
}

void Heap::bear_tag() {
  cache_->tag = static_cast<std::uint32_t>(tag_for(owner_));
  cache_->mixed_key = static_cast<std::uint32_t>(tag_for(nobodys_owner(node_), ClassId{0})) ^ cache_->tag;
}

std::size_t Heap::bytes_to_park() {
  std::size_t bytes = kGranuleBytes + spare_bytes();
  for (std::size_t i = 0; i < kClasses; ++i) {
    const ClassState& s = classes_[i];
    if (s.loaded != nullptr) {
      s.loaded->count = static_cast<std::uint8_t>(cache_->top[i] - s.loaded->slots());
      bytes += s.loaded->count * kClassSize[i];
    }
    bytes += s.attached_count * kSlabShape[i].granules * kGranuleBytes;
  }
  if (!has_bundles_.load_relaxed()) return bytes;
  enter_gate();
  for (unsigned slot = 0; slot < kOutgoingSlots; ++slot) {
    const std::uint32_t key = outgoing_->slots[slot].key.load_relaxed();
    if (key != 0) bytes += outgoing_->count_in(slot) * size_of(class_of(Tag{key ^ cache_->tag}));
  }
  gate_.leave();
  return bytes;
}

std::size_t Heap::mail_bytes() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    bytes += inboxes_[i].blocks() * kClassSize[i];
  }
  return bytes;
}

void Heap::park() {
  is_parked_.store_relaxed(true);
  close_allowance();
  *cache_ = make_empty_cache();
  cache_ = nullptr;
}

void Heap::close() {
  flush_foreign();
  for (std::size_t i = 0; i < kClasses; ++i) close_class(class_at(i));
  for (; empties_ != nullptr; empty_count_ = 0) {
    Magazine* chain = empties_;
    empties_ = nullptr;
    give_empty_chain(chain);
  }
  forget_look();
  close_allowance();
  *cache_ = make_empty_cache();
  cache_ = nullptr;
}

void Heap::close_class(ClassId c) {
  ClassState& s = state(c);
  for (Magazine* bundle = inboxes_[index_of(c)].close(); bundle != nullptr;) {
    Magazine* next = bundle->next.load_relaxed();
    send_home(bundle);
    bundle = next;
  }
  flush_class(c);
  while (Slab* slab = s.attached) {
    s.attached = slab->next_attached;
    detach(slab);
  }
  s = ClassState{};
}

// The class's cached blocks go home; its slabs stay attached.
void Heap::flush_class(ClassId c) {
  ClassState& s = state(c);
  if (s.loaded != nullptr) send_home(unload(c));
  while (Magazine* magazine = s.spare) {
    s.spare = magazine->next.load_relaxed();
    drop_spare_bytes(magazine->count * size_of(c));
    send_home(magazine);
  }
}

void Heap::flush_all() {
  flush_foreign();
  for (std::size_t i = 0; i < kClasses; ++i) {
    const ClassId c = class_at(i);
    Magazine* mail = inboxes_[i].has_mail() ? inboxes_[i].receive() : nullptr;
    while (mail != nullptr) {
      Magazine* next = mail->next.load_relaxed();
      send_home(mail);
      mail = next;
    }
    flush_class(c);
    drop_empty_slabs(c, 0);
    state(c).fill = knobs::kFirstFill;
  }
}

void Heap::load(ClassId c, Magazine* magazine, unsigned count) {
  state(c).loaded = magazine;
  magazine->count = static_cast<std::uint8_t>(count);  // what it began with
  top(c) = magazine->slots() + count;
}

Magazine* Heap::unload(ClassId c) {
  Magazine* magazine = state(c).loaded;
  magazine->count = static_cast<std::uint8_t>(top(c) - magazine->slots());
  state(c).loaded = nullptr;
  top(c) = &boundary[1];
  return magazine;
}

void Heap::keep_spare(ClassId c, Magazine* magazine) {
  magazine->next.store_relaxed(state(c).spare);
  state(c).spare = magazine;
  add_spare_bytes(magazine->count * size_of(c));
}

void Heap::enter_gate() {
  while (!gate_.enter()) wait_for_emptier();
}

// Every block to its slab, and the magazine to the empty ones.
void Heap::send_home(Magazine* magazine) {
  return_blocks(this, magazine->slots(), magazine->count);
  recycle(magazine);
}

void Heap::recycle(Magazine* magazine) {
  magazine->count = 0;
  if (magazine->is_short) {
    recycle_short_magazine(magazine);
    return;
  }
  magazine->chain = empties_;
  empties_ = magazine;
  if (++empty_count_ <= kEmptiesKept) return;
  Magazine* last = empties_;
  for (unsigned i = 1; i < kChainLength; ++i) last = last->chain;
  Magazine* rest = last->chain;
  last->chain = nullptr;
  give_empty_chain(empties_);
  empties_ = rest;
  empty_count_ -= kChainLength;
}

// An empty magazine of the usual length, cut to what the class may hold.
Magazine* Heap::take_usual(ClassId c) {
  if (empties_ == nullptr) {
    // Few at first: most threads need few. In a crowd one at a time.
    empties_ = take_empty_chain(made_at_once_);
    if (made_at_once_ < kChainLength && !many_heaps()) made_at_once_ = static_cast<std::uint8_t>(made_at_once_ * 2);
    empty_count_ = 0;
    for (Magazine* m = empties_; m != nullptr; m = m->chain) ++empty_count_;
  }
  Magazine* magazine = empties_;
  if (magazine == nullptr) return nullptr;
  empties_ = magazine->chain;
  --empty_count_;
  magazine->set_capacity(capacity_of(c));
  return magazine;
}

Magazine* Heap::take_short(ClassId c) {
  Magazine* magazine = make_short_magazine();
  if (magazine == nullptr) return nullptr;
  const unsigned capacity = capacity_of(c);
  magazine->set_capacity(capacity < kShortSlots ? capacity : kShortSlots);
  return magazine;
}

void Heap::attach(ClassState& s, Slab* slab) {
  slab->next_attached = s.attached;
  s.attached = slab;
  ++s.attached_count;
  // More than one may go: the knob may have moved down. The new slab stays.
  while (s.attached_count > 1 && s.attached_count > live_knobs.attached_slabs.load_relaxed()) detach_oldest(s);
}

void Heap::detach_oldest(ClassState& s) {
  Slab** link = &s.attached;
  while ((*link)->next_attached != nullptr) link = &(*link)->next_attached;
  Slab* oldest = *link;
  *link = nullptr;
  --s.attached_count;
  detach(oldest);
}

// Gives back attached slabs that have become empty, but for the first `kept` of them.
void Heap::drop_empty_slabs(ClassId c, unsigned kept) {
  ClassState& s = state(c);
  unsigned empty = 0;
  for (Slab** link = &s.attached; *link != nullptr;) {
    Slab* slab = *link;
    if (slab->free_slots() < slab->shape().slots || ++empty <= kept) {
      link = &slab->next_attached;
      continue;
    }
    *link = slab->next_attached;
    --s.attached_count;
    detach(slab);
  }
}

// Threads wander: a heap follows to another place of its node at once, but a thread that keeps running
// on another node leaves it (refill()).
void Heap::look_around() {
  if (HAK_LIKELY(os::places.places() == 1) || is_users_) return;
  const os::Place here = os::places.current();
  if (os::places.node_of(here) != node_) {
    if (seen_away_ < kLooksUntilMove && ++seen_away_ == kLooksUntilMove) refills_ = refills_per_look_ - 1;
    return;
  }
  seen_away_ = 0;
  if (here != place_.load_relaxed()) settle_at(here);
}

void Heap::housekeeping() {
  const std::uint64_t now = os::now_ms();
  if (outgoing_ != nullptr) note_bundles();
  if (const std::uint32_t trims = trims_asked(); trims != trims_seen_) {
    trims_seen_ = trims;
    flush_all();
  }
  if (now - flushed_at_ms_ >= knobs::kFlushMs) {
    flushed_at_ms_ = now;
    flush_foreign();
    look_around();
  }
  look_whether_to_share(now);
  if (live_knobs.adapt && !is_users_) look_back(now);
  do_what_is_due(this, now);
}

}  // namespace hakmem
