#include "thread/capacity.hpp"

#include "learn/bundle_threshold.hpp"
#include "thread/heap.hpp"
#include "thread/price.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

// A heap that has not looked for so long is idle; its thread may sleep.
constexpr std::uint64_t kIdleMs = 5 * learn::kLookMs;

// Heaps that are asked for a loan at a time; the next borrower goes on where this one stopped.
constexpr unsigned kAsked = 16;
constinit Atomic<std::uint32_t> next_asked{0};

}  // namespace

std::size_t CacheBudget::take(std::size_t bytes) {
  std::size_t free = free_.load_relaxed();
  for (;;) {
    const std::size_t taken = bytes < free ? bytes : free;
    if (taken == 0 || free_.try_replace_relaxed(free, free - taken)) return taken;
  }
}

void SlowEvent::finish() {
  const std::uint64_t ns = os::now_ns() - start_ns_;
  if (ns > kMostNs) return;
  count(work_->sampled, std::uint64_t{1});
  count(work_->sampled_ns, ns);
}

void Heap::open_allowance() {
  const bool adapts = live_knobs.adapt && !is_users_;
  allowance_.store_relaxed(adapts ? cache_budget.take(knobs::kFirstAllowance) : knobs::kSpareBytes);
  use_ = {};
}

void Heap::close_allowance() {
  const std::size_t bytes = allowance_.exchange_acq_rel(0);  // a loan comes before or finds nothing
  if (live_knobs.adapt && !is_users_) cache_budget.give(bytes);
}

// By another heap's thread. Only what this one does not use, so that nothing has to come home for
// it.
std::size_t Heap::lend(std::size_t wanted, std::uint64_t now_ms) {
  if (looked_at_ms_.load_relaxed() + kIdleMs > now_ms) return 0;
  std::size_t allowance = allowance_.load_relaxed();
  for (;;) {
    const std::size_t used = spare_bytes();
    if (allowance <= used) return 0;
    const std::size_t lent = wanted < allowance - used ? wanted : allowance - used;
    if (allowance_.try_replace_relaxed(allowance, allowance - lent)) return lent;
  }
}

std::size_t Heap::borrow(std::size_t wanted) {
  const std::uint64_t now = os::now_ms();
  const auto first = static_cast<std::uint32_t>(kFirstHeap);
  const std::uint32_t heaps = owner_count() - first;
  std::size_t got = 0;
  for (unsigned i = 0; i < kAsked && i < heaps && got < wanted; ++i) {
    Heap* other = heap_of(OwnerId{first + next_asked.fetch_add_relaxed(1) % heaps});
    if (other != nullptr && other != this && !other->is_users())
      got += other->lend(wanted - got, now);
  }
  if (got != 0) capacity_moves.loans.fetch_add_relaxed(1);
  return got;
}

// There is no room for spare magazines of `used` bytes in all, the last of them of class `c` and
// `need` bytes. True: now there is.
bool Heap::make_spare_room(ClassId c, std::size_t used, std::size_t need) {
  if (!live_knobs.adapt || is_users_) return false;
  learn::ClassDemand& demand = state(c).demand;
  if (demand.overflows != UINT16_MAX) ++demand.overflows;
  use_.bytes = allowance_.load_relaxed();
  const std::size_t wanted =
      learn::grown_allowance(use_, demand, need, cache_budget.bound(), price_now()) - use_.bytes;
  if (wanted == 0) return false;
  ++use_.grown;
  std::size_t got = cache_budget.take(wanted);
  if (got < wanted) got += borrow(wanted - got);
  if (got == 0) return false;
  allowance_.fetch_add_relaxed(got);
  capacity_moves.growths.fetch_add_relaxed(1);
  return used <= allowance_.load_relaxed();
}

void Heap::shrink_allowance(std::size_t to) {
  const std::size_t before = use_.bytes;
  if (to >= before) return;
  std::size_t now = before;
  // A loan may have come first: then there is nothing left to shrink.
  if (!allowance_.try_replace_relaxed(now, to)) return;
  cache_budget.give(before - to);
  capacity_moves.shrinkings.fetch_add_relaxed(1);
}

std::size_t Heap::cached_bytes(ClassId c) {
  const ClassState& s = state(c);
  std::size_t blocks =
      s.loaded == nullptr ? 0 : static_cast<std::size_t>(top(c) - s.loaded->slots());
  for (const Magazine* m = s.spare; m != nullptr; m = m->next.load_relaxed()) blocks += m->count;
  return blocks * size_of(c);
}

// Blocks of a class that nobody has used for a while.
void Heap::look_at_class(ClassId c, double price) {
  ClassState& s = state(c);
  if (s.loaded == nullptr && s.attached == nullptr) return;
  s.demand = learn::look_at(s.demand, top(c) != s.seen_top);
  s.fill = static_cast<std::uint16_t>(learn::next_fill(s.fill, s.demand, knobs::kFirstFill));
  if (learn::goes_home(s.demand, cached_bytes(c), price)) {
    flush_class(c);
    drop_empty_slabs(c, 0);
    capacity_moves.homecomings.fetch_add_relaxed(1);
  }
  s.seen_top = top(c);
}

std::size_t Heap::attached_free_bytes() const {
  std::size_t bytes = 0;
  for (const ClassState& s : classes_) {
    for (const Slab* slab = s.attached; slab != nullptr; slab = slab->next_attached) {
      bytes += slab->free_slots() * size_of(slab->size_class);
    }
  }
  return bytes;
}

unsigned Heap::count_open_bundles() {
  std::uint16_t open[kClasses] = {};
  std::size_t bytes = 0;
  unsigned bundles = 0;
  for (unsigned slot = 0; outgoing_ != nullptr && slot < kOutgoingSlots; ++slot) {
    const std::uint32_t key = outgoing_->slots[slot].key.load_relaxed();
    if (key == 0) continue;
    const ClassId c = class_of(Tag{key ^ cache_->tag});
    ++open[index_of(c)];
    ++bundles;
    bytes += outgoing_->count_in(slot) * size_of(c);
  }
  for (std::size_t i = 0; i < kClasses; ++i) slow_counts_.open[i].store_relaxed(open[i]);
  slow_counts_.open_bytes.store_relaxed(bytes);
  return bundles;
}

// Others' blocks wait no longer than handing them over is worth.
void Heap::look_at_bundles(double price) {
  const unsigned bundles = count_open_bundles();
  open_held_s_ += learn::look_price_s(slow_counts_.open_bytes.load_relaxed(), price);
  if (!learn::have_waited(open_held_s_, bundles, learn::kUsualHandOverS)) return;
  open_held_s_ = 0;
  flush_foreign();
}

// A closed heap has nothing, and nobody looks: without this it would say for ever what its last
// thread had.
void Heap::forget_look() {
  slow_counts_.attached_free.store_relaxed(0);
  for (Atomic<std::uint16_t>& open : slow_counts_.open) open.store_relaxed(0);
  slow_counts_.open_bytes.store_relaxed(0);
}

// Every learn::kLookMs, if the thread comes by.
void Heap::look_back(std::uint64_t now_ms) {
  if (now_ms - looked_at_ms_.load_relaxed() < learn::kLookMs) return;
  looked_at_ms_.store_relaxed(now_ms);
  const double price = price_now();
  for (std::size_t i = 0; i < kClasses; ++i)
    look_at_class(ClassId{static_cast<std::uint8_t>(i)}, price);
  use_.bytes = allowance_.load_relaxed();
  const learn::Allowance next = learn::look_at(use_, spare_bytes(), knobs::kFirstAllowance);
  shrink_allowance(next.bytes);
  use_ = next;
  slow_counts_.attached_free.store_relaxed(attached_free_bytes());
  look_at_bundles(price);
}

}  // namespace hakmem
