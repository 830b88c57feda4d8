#include "slabs/slab_shard.hpp"

#include "base/check.hpp"

namespace hakmem {

constinit SlabShards slab_shards;

namespace {

// How many places are asked for a roomy slab before a new one is made.
constexpr unsigned kPlacesAsked = 4;

void set_hint(Atomic<std::uint64_t>& hints, ClassId c, bool to) {
  const std::uint64_t bit = std::uint64_t{1} << index_of(c);
  const std::uint64_t before = hints.load_relaxed();
  hints.store_relaxed(to ? before | bit : before & ~bit);
}

}  // namespace

Slab* SlabShards::attach_at(os::Place place, ClassId c, OwnerId owner, SlabShard* to, const void* heap, bool roomy_only) {
  for (SlabShard& other : places_[index_of(place)].shards) {
    if (Slab* slab = other.attach(c, owner, to, heap, roomy_only)) return slab;
  }
  return nullptr;
}

Slab* SlabShards::attach_elsewhere(os::Place place, ClassId c, OwnerId owner, SlabShard* to, const void* heap, std::uint32_t turn) {
  const unsigned all = os::places.places();
  const unsigned asked = all < kPlacesAsked ? all : kPlacesAsked;
  for (unsigned i = 1; i < asked; ++i) {
    const os::Place other{static_cast<std::uint8_t>((index_of(place) + 1 + (turn + i) % (all - 1)) % all)};
    if (os::places.node_of(other) != os::places.node_of(place)) continue;
    if (Slab* slab = attach_at(other, c, owner, to, heap, true)) return slab;
  }
  return nullptr;
}

void SlabShard::update_hint_locked(ClassId c) {
  const SlabList(&bins)[kBins] = lists_[index_of(c)];
  bool roomy = false;
  bool listed = false;
  for (unsigned bin = 0; bin < kBins; ++bin) {
    listed = listed || !bins[bin].empty();
    roomy = roomy || (bin >= roomy_from(c) && !bins[bin].empty());
  }
  set_hint(roomy_, c, roomy);
  set_hint(listed_, c, listed);
}

void SlabShard::list_locked(Slab* slab, unsigned bin) {
  slab->listed = true;
  slab->bin = static_cast<std::uint8_t>(bin);
  SlabList& list = lists_[index_of(slab->size_class)][bin];
  if (slab->has_no_line) {
    list.push_back(slab);
    slab->has_no_line = false;
  } else {
    list.push_front(slab);
  }
  update_hint_locked(slab->size_class);
}

void SlabShard::unlist_locked(Slab* slab) {
  slab->listed = false;
  lists_[index_of(slab->size_class)][slab->bin].remove(slab);
  update_hint_locked(slab->size_class);
}

// From here on a late settle() finds no shard, or the record's next life in its own.
void SlabShard::bury_locked(Slab* slab) {
  slab->state.store_release(0);  // pairs with settle_locked()
  slab->shard.store_relaxed(nullptr);
}

// True when the slab is to be destroyed by the caller, after the lock.
bool SlabShard::settle_locked(Slab* slab) {
  const std::uint32_t state = slab->state.load_acquire();  // pairs with add_free()
  if ((state & (Slab::kLive | Slab::kAttached)) != Slab::kLive) return false;
  const std::uint32_t free = Slab::free_of(state);
  const std::uint32_t slots = slab->shape().slots;
  if (free == slots) {
    if (slab->listed) unlist_locked(slab);
    bury_locked(slab);
    return true;
  }
  if (free == 0) return false;
  const unsigned bin = fullness_bin(free, slots);
  if (slab->listed && slab->bin == bin) return false;
  if (slab->listed) unlist_locked(slab);
  list_locked(slab, bin);
  return false;
}

void settle(Slab* slab) {
  for (;;) {
    SlabShard* shard = slab->shard.load_acquire();  // pairs with attach()
    if (shard == nullptr) return;  // released by somebody else
    shard->lock_.lock();
    if (slab->shard.load_relaxed() == shard) {
      const bool empty = shard->settle_locked(slab);
      shard->lock_.unlock();
      if (empty) destroy_slab(slab);
      return;
    }
    shard->lock_.unlock();  // adopted by another shard meanwhile
  }
}

void detach(Slab* slab) {
  slab->attached_to.store_relaxed(nullptr);
  // Release: the local bits, for the heap that attaches it next (acquire in attach()).
  const std::uint32_t before = slab->state.fetch_and_acq_rel(~Slab::kAttached);
  if (Slab::free_of(before) != 0) settle(slab);
}

Slab* SlabShard::attach(ClassId c, OwnerId owner, SlabShard* to, const void* heap, bool roomy_only) {
  if (!may_have(c, roomy_only)) return nullptr;
  const LockGuard guard(lock_);
  SlabList(&bins)[kBins] = lists_[index_of(c)];
  for (unsigned bin = roomy_only ? roomy_from(c) : 0; bin < kBins; ++bin) {
    if (Slab* slab = bins[bin].front()) return attach_locked(slab, owner, to, heap);
  }
  return nullptr;
}

Slab* SlabShard::attach_of_bin(ClassId c, unsigned bin, OwnerId owner, const void* heap) {
  if (!may_have(c, false)) return nullptr;
  const LockGuard guard(lock_);
  Slab* slab = lists_[index_of(c)][bin].front();
  return slab == nullptr ? nullptr : attach_locked(slab, owner, this, heap);
}

Slab* SlabShard::attach_locked(Slab* slab, OwnerId owner, SlabShard* to, const void* heap) {
  unlist_locked(slab);
  if (slab->owner != owner) {
    slab->mixed = true;
    retag_slab(slab, owner);
  }
  slab->attached_to.store_relaxed(heap);
  const std::uint32_t before = slab->state.fetch_or_acq_rel(Slab::kAttached);  // pairs with detach()
  // Only now: who finds the new shard takes the new shard's lock, not ours, and must see that the
  // slab is attached, or would list it there. Release: pairs with settle().
  slab->shard.store_release(to);
  if (Slab::free_of(before) == slab->shape().slots) slab->mixed = false;
  return slab;
}

void SlabShard::destroy(Slab* slab) {
  {
    const LockGuard guard(lock_);
    if (slab->listed) unlist_locked(slab);
    bury_locked(slab);
  }
  destroy_slab(slab);
}

namespace {

// Blocks on their way home, gathered by word and by slab, so that neighbours go in one operation.
class Homecoming {
 public:
  explicit Homecoming(const void* heap) : heap_(heap) {}
  Homecoming(const Homecoming&) = delete;
  Homecoming& operator=(const Homecoming&) = delete;
  ~Homecoming() { finish_slab(); }

  void add(std::uintptr_t block) {
    if (block - start_ >= bytes_) start_slab(block);
    const unsigned slot = slab_->slot_of(block);
    if (slot / 64 != word_) {
      finish_word();
      word_ = slot / 64;
    }
    bits_ |= std::uint64_t{1} << (slot % 64);
    ++count_;
  }

 private:
  void start_slab(std::uintptr_t block) {
    finish_slab();
    slab_ = static_cast<Slab*>(page_map.details_of(granule_at(block)));
    start_ = reinterpret_cast<std::uintptr_t>(slab_->base);
    bytes_ = slab_->shape().granules * kGranuleBytes;
    own_ = slab_->attached_to.load_relaxed() == heap_ && heap_ != nullptr;
  }

  void finish_word() {
    if (bits_ == 0) return;
    slab_->add_bits(word_, bits_, own_);
    bits_ = 0;
  }

  void finish_slab() {
    if (slab_ == nullptr) return;
    finish_word();
    const std::uint32_t slots = slab_->shape().slots;  // before the slab may be released by others
    const std::uint32_t before = slab_->add_free(count_);
    const std::uint32_t old_free = Slab::free_of(before);
    const std::uint32_t free = old_free + count_;
    count_ = 0;
    if ((before & Slab::kAttached) != 0) return;
    const bool moved = old_free == 0 || free == slots ||
                       fullness_bin(old_free, slots) != fullness_bin(free, slots);
    if (moved) settle(slab_);
  }

  const void* heap_;
  Slab* slab_ = nullptr;
  std::uintptr_t start_ = 0;
  std::size_t bytes_ = 0;
  bool own_ = false;
  unsigned word_ = 0;
  std::uint64_t bits_ = 0;
  unsigned count_ = 0;
};

}  // namespace

void return_blocks(const void* heap, const std::uintptr_t* blocks, unsigned n) {
  Homecoming home(heap);
  for (unsigned i = 0; i < n; ++i) home.add(blocks[i]);
}

}  // namespace hakmem
