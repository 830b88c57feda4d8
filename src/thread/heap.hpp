// Heap: what a thread has behind its cache: magazines, attached slabs, bundles out and in.
//
//                     cache.top[c] --> loaded magazine
//   classes_[c]         spare: full magazines   attached: slabs it may take from, no lock
//   cache.outgoing      bundles of others' blocks, by (owner, class), on their way out
//   inboxes_[c]         bundles of its own blocks that others have freed, on their way in
//
// A refill asks, in this order: spare magazines, the inbox, the depot, attached slabs, listed slabs,
// a new slab. A full magazine becomes spare, or a bundle for the depot, or goes home to its slabs. Among many heaps none
// has slabs of its own, nor has one whose thread is new (sharing.cpp).
//
// Invariants:
//   (1) everything but inboxes_ is touched by the owning thread alone (a user's heap: by the holder
//       of its lock); outgoing bundles by who has closed the gate, too, while the thread is not inside;
//   (2) an inbox is open while a thread has the heap or it is parked, and it has slabs of its own, and closed (closed_mark)
//       otherwise: what would be sent to a closed one, or to a parked heap, goes home;
//   (3) a heap's record lives for ever and keeps its id; exited threads' heaps are taken again;
//   (4) all its slabs lie in the memory of one node, its own for life: a thread that has moved to
//       another node takes another heap;
//   (5) free() keeps at most allowance_ in spare magazines (capacity.hpp), where heaps share kSharedSpareBytes; what an inbox brings comes
//       on top. An inbox holds at most live_knobs.inbox_bytes, but has room for two bundles as long as they can be.
//
// Above: hot (through its slow paths), api. Below: depot, slabs.
#pragma once

#include "depot/depot.hpp"
#include "slabs/slab_shard.hpp"
#include "thread/cache.hpp"
#include "thread/capacity.hpp"
#include "thread/gate.hpp"

namespace hakmem {

// Bundles that other threads send to one heap and class.
class Inbox {
 public:
  // However short they are: each is a record, and a refill of its own.
  static constexpr std::uint32_t kMostBundles = 255;

  // False when it is closed, or would hold more than `limit` blocks or kMostBundles: the bundle stays yours.
  bool send(Magazine* bundle, std::uint32_t limit);

  // Blocks that wait, about: the record may have moved on meanwhile.
  std::uint32_t blocks() const {
    const Magazine* head = head_.load_relaxed();
    return head == nullptr || head == closed_mark() ? 0 : head->depth.load_relaxed() % kOneBundle;
  }
  bool has_mail() const {
    const Magazine* head = head_.load_relaxed();
    return head != nullptr && head != closed_mark();
  }
  Magazine* receive() { return head_.exchange_acquire(nullptr); }  // pairs with send()

  // Nobody sends to a closed inbox: a plain store is enough. What waits in an open one stays.
  void open() {
    if (head_.load_relaxed() == closed_mark()) head_.store_relaxed(nullptr);
  }
  Magazine* close() {  // pairs with send()
    Magazine* head = head_.exchange_acquire(closed_mark());
    return head == closed_mark() ? nullptr : head;
  }

 private:
  // A depth is so much for each bundle, and one for each block.
  static constexpr std::uint32_t kOneBundle = std::uint32_t{1} << 24;
  static_assert(kMostBundles * kUsualSlots < kOneBundle && kMostBundles <= UINT32_MAX / kOneBundle);

  static Magazine* closed_mark() { return reinterpret_cast<Magazine*>(std::uintptr_t{1}); }
  Atomic<Magazine*> head_;
};

class alignas(kCacheLine) Heap {
 public:
  // Of the place where its first thread runs now.
  Heap(OwnerId id, bool is_users);

  OwnerId id() const { return id_; }
  bool is_users() const { return is_users_; }
  os::Node node() const { return node_; }
  SlabShard* shard() const { return shard_; }

  // A user's heap has slabs that no thread's heap ever attaches.
  void use_private_shard(SlabShard* shard) { shard_ = shard; }

  // Starts and ends the service of one thread (or user's heap) through `cache`. A heap that was
  // parked goes on with what it has; close() gives all of it back.
  void open(Cache* cache);
  void close();

  // Whether its slabs are its own or everybody's is asked anew (sharing.cpp): when a thread has just got it, and later on.
  void share_or_not();

  // Memory that others cannot have while the heap is parked: its attached slabs whole, and cached
  // blocks, which it counts.
  std::size_t bytes_to_park();

  // Ends the service too, but keeps magazines, attached slabs and bundles for the next thread. Right after
  // bytes_to_park().
  void park();

  void* refill(ClassId c);
  void make_room(void* block, ClassId c);
  void free_of_other(void* block, Tag tag);
  void free_own(void* block, ClassId c);

  // Whether a block with this tag may go into a bundle for nobody in particular.
  bool may_mix(Tag tag) const;

  // Sends every bundle of others' blocks on its way.
  void flush_foreign();

  // The same, and every cached block home, and every empty slab back.
  void flush_all();

  // False: the bundle stays yours. A heap that is parked this moment may still get one.
  bool send(ClassId c, Magazine* bundle) {
    return !is_parked_.load_relaxed() && inboxes_[index_of(c)].send(bundle, inbox_limit(c));
  }

  // For who empties the bundles of sleeping threads (idle_bundles.cpp), under its lock; the last one
  // with the gate closed and nobody inside.
  bool has_bundles() const { return has_bundles_.load_acquire(); }  // pairs with note_bundles()
  bool bundles_are_idle();
  Gate& gate() { return gate_; }
  void empty_outgoing();
  void forget_bundles();

  // Bytes of free blocks in this heap's spare magazines; the loaded ones are known only to its
  // thread. Any thread may ask.
  std::size_t spare_bytes() const { return spare_bytes_.load_relaxed(); }

  // What slow paths have done, for the tuner; and bytes of bundles that wait in the inboxes, about.
  const SlowCounts& slow_counts() const { return slow_counts_; }
  std::size_t mail_bytes() const;

  // In the registry, under its lock.
  enum class Waits : std::uint8_t { kNot, kUnused, kParked };
  Waits waits = Waits::kNot;
  Link<Heap> in_waiting;
  std::size_t parked_bytes = 0;
  std::uint64_t parked_at_ms = 0;

 private:
  struct ClassState {
    Magazine* loaded = nullptr;
    Magazine* spare = nullptr;
    Slab* attached = nullptr;  // most recently attached first
    std::uint8_t attached_count = 0;
    std::uint8_t slabs_made = 0;  // at most UINT8_MAX
    std::uint16_t fill = knobs::kFirstFill;
    learn::ClassDemand demand;
    const Slot* seen_top = nullptr;  // at the last look
  };

  // A thread whose blocks go round in its spare magazines does no other slow work: so often it looks
  // at the clock nevertheless.
  // With several nodes more often, to see that it has moved.
  static constexpr std::uint32_t kRefillsPerLook = 64;
  static constexpr std::uint32_t kRefillsPerLookOnNodes = 8;

  // Once a second a thread looks where it runs; so often on another node, and it takes a heap there.
  static constexpr std::uint8_t kLooksUntilMove = 2;

  static std::uint32_t inbox_limit(ClassId c) {
    const std::size_t blocks = live_knobs.inbox_bytes.load_relaxed() / size_of(c);
    const std::size_t least = 2 * live_knobs.bundle_limit(c, magazine_capacity(c));
    return static_cast<std::uint32_t>(clamp_size(blocks, least, Inbox::kMostBundles * kUsualSlots));
  }

  Slot*& top(ClassId c) { return cache_->top[index_of(c)]; }
  ClassState& state(ClassId c) { return classes_[index_of(c)]; }

  void load(ClassId c, Magazine* magazine, unsigned count);
  Magazine* unload(ClassId c);
  void* pop(ClassId c);

  // refill.cpp
  Magazine* take_from_depot(ClassId c);
  bool load_waiting(ClassId c);
  bool load_from_slabs(ClassId c);
  bool fit_magazine(ClassId c);
  unsigned take_from_slabs(ClassId c, unsigned n, Slot* out);
  unsigned take_attached(ClassId c, unsigned n, Slot* out);
  Slab* attach_of_others(ClassId c);
  Slab* make_own_slab(ClassId c);
  bool lengthen_magazine(ClassId c);
  void put_full_away(ClassId c);
  bool offer_full(ClassId c, Magazine* full);
  void send_blocks_home(ClassId c, Magazine* full);

  // sharing.cpp
  bool shares() const { return owner_ != id_; }
  bool lives_on_shared(ClassId c);
  unsigned take_shared_blocks(ClassId c, unsigned n, Slot* out);
  os::Place place_near() const;
  Depot& depot();
  void look_whether_to_share(std::uint64_t now_ms);
  void become(OwnerId owner);

  bool has_shared_spare_room(std::size_t need) const { return spare_bytes() + need <= knobs::kSharedSpareBytes; }
  unsigned capacity_of(ClassId c) const { return shares() ? shared_capacity(c) : magazine_capacity(c); }

  // foreign.cpp
  Outgoing* prepare_outgoing(Tag tag);
  void note_bundles();
  bool should_mix(unsigned slot, std::uint32_t key);
  void note_pace(unsigned slot, Tag tag);
  unsigned bundle_length(unsigned slot, Tag tag) const;
  Outgoing* open_bundle(unsigned slot, Tag tag);
  Magazine* take_bundle(unsigned slot, Tag tag);
  bool take_bundle_back(ClassId c);
  bool lengthen_bundle(unsigned slot, Tag tag);
  void dispatch_outgoing(unsigned slot);
  void dispatch(Tag tag, Magazine* bundle);
  bool offer_to_depot(Tag tag, const Heap* owner, Magazine* bundle);

  // capacity.cpp
  void open_allowance();
  void close_allowance();
  std::size_t lend(std::size_t wanted, std::uint64_t now_ms);
  std::size_t borrow(std::size_t wanted);
  void note_miss(ClassId c) {
    if (state(c).demand.misses != UINT16_MAX) ++state(c).demand.misses;
  }
  bool has_spare_room(ClassId c, std::size_t need) {
    const std::size_t used = spare_bytes() + need;
    if (used > use_.most_used) use_.most_used = used;
    return used <= allowance_.load_relaxed() || make_spare_room(c, used, need);
  }
  bool make_spare_room(ClassId c, std::size_t used, std::size_t need);
  void shrink_allowance(std::size_t to);
  std::size_t cached_bytes(ClassId c);
  void look_at_class(ClassId c, double price);
  std::size_t attached_free_bytes() const;
  unsigned count_open_bundles();
  void look_at_bundles(double price);
  void forget_look();
  void look_back(std::uint64_t now_ms);

  // heap.cpp
  void add_spare_bytes(std::size_t n) { spare_bytes_.store_relaxed(spare_bytes_.load_relaxed() + n); }
  void drop_spare_bytes(std::size_t n) { spare_bytes_.store_relaxed(spare_bytes_.load_relaxed() - n); }
  void keep_spare(ClassId c, Magazine* magazine);
  void send_home(Magazine* magazine);
  void recycle(Magazine* magazine);
  void enter_gate();
  Magazine* take_usual(ClassId c);
  Magazine* take_short(ClassId c);
  void attach(ClassState& s, Slab* slab);
  void detach_oldest(ClassState& s);
  void drop_empty_slabs(ClassId c, unsigned kept);
  void close_class(ClassId c);
  void flush_class(ClassId c);
  void open_inboxes();
  void housekeeping();
  void look_around();
  void settle_at(os::Place place);
  void bear_tag();

  OwnerId id_;
  OwnerId owner_;  // whom blocks name that are its own: its id, or everybody's
  bool is_users_;
  os::Node node_;
  Atomic<os::Place> place_;  // written by the owner, read by those who free its blocks
  std::uint8_t seen_away_ = 0;  // looks, one after another, at which its thread ran on another node
  SlabShard* shard_;
  Cache* cache_ = nullptr;
  OutgoingTable* outgoing_ = nullptr;  // made once, kept over threads; its bundles are behind the gate
  Gate gate_;
  Atomic<bool> has_bundles_;            // a hint
  Atomic<std::uint32_t> bundles_opened_;
  std::uint64_t bundles_seen_ = 0;      // at the look before, and when they were last emptied; the emptier's
  std::uint64_t bundles_emptied_ = 0;
  std::uint8_t collisions_ = 0;
  std::uint64_t filled_slots_ = 0;      // bit i: slot i of outgoing_ has filled a short bundle once
  Magazine* empties_ = nullptr;  // usual magazines without blocks, linked by chain
  unsigned empty_count_ = 0;
  std::uint8_t made_at_once_ = 1;
  Atomic<bool> is_parked_;           // written by who parks and opens, read by senders
  Atomic<std::size_t> spare_bytes_;  // written by the owner, read by reports
  std::uint64_t flushed_at_ms_ = 0;
  std::uint64_t changed_at_ms_ = 0;  // when it last came to share, or ceased to, as the number of heaps had changed
  std::uint32_t trims_seen_ = 0;
  std::uint32_t refills_ = 0;
  std::uint32_t slow_paths_ = 0;  // refills, full magazines and bundles, about, since its thread has taken it
  bool is_new_ = true;            // there have not been many
  Atomic<std::uint64_t> looked_at_ms_;  // written by the owner, read by borrowers
  Atomic<std::size_t> allowance_;       // of spare bytes; the owner's, and who borrows from it
  learn::Allowance use_;
  double open_held_s_ = 0;  // what open bundles have cost since the last look that sent them
  std::uint32_t refills_per_look_ = kRefillsPerLook;  // a power of two
  ClassState classes_[kClasses];
  SlowCounts slow_counts_;
  alignas(kCacheLine) Inbox inboxes_[kClasses];
};

}  // namespace hakmem
