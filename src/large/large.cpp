#include "large/large.hpp"

#include <cerrno>

#include "config/knobs.hpp"
#include "config/size_classes.hpp"
#include "large/hands.hpp"
#include "large/huge.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_hot.hpp"
#include "large/new_pages.hpp"
#include "large/request_class.hpp"
#include "large/room.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/housekeeping.hpp"
#include "thread/last_resort.hpp"
#include "thread/large_hooks.hpp"

namespace hakmem {

namespace {

Granules alignment_in_granules(std::size_t alignment) {
  return granules_for(alignment > kGranuleBytes ? alignment : kGranuleBytes);
}

LargeBlock make_in_store(std::size_t size, std::size_t alignment, OwnerId heap, learn::Site site) {
  const Granules granules = alignment_in_granules(alignment);
  const WillTouch will = fills_its_blocks(site, size) ? WillTouch::kAll : WillTouch::kUnknown;
  AllocatedRun allocated = run_store.allocate(granules_for(large_length(size)), granules, will);
  if (allocated.run == nullptr) {  // perhaps without the room that makes it as long as its class
    allocated = run_store.allocate(granules_for(size), granules, will);
    if (allocated.run == nullptr) return {nullptr, false};
  }
  allocated.run->kind = Kind::kLarge;
  page_map.set_details(allocated.run->first, allocated.run);
  publish(allocated.run, heap);
  if (allocated.fresh) {
    begin_new_pages(allocated.run, 0, size, site);
  } else {
    begin_used_pages(allocated.run);
    if (allocated.begun_huge) trust_site(site, size);
  }
  return {allocated.run->start(), allocated.zeroed};
}

// The hand has a block, but its thread is to tell what it has used meanwhile, and to look around.
Run* take_at_turn(unsigned size_class) {
  const std::uint64_t now = os::now_ms();
  const bool nothing_waits = background_runs() || (idle_blocks.is_empty() && run_store.dirty_bytes() == 0);
  const Hands::Turn turn = hands.renew(size_class, now, nothing_waits);
  Run* const run = turn.is_due ? hand_gate.take_any(size_class).run : nullptr;
  if (run == nullptr) return nullptr;
  const bool is_held = idle_blocks.note_reuses(run, turn.uses, turn.idle_ms);
  if (!is_held || turn.is_slow) retire_all(hands.empty_own(size_class, now));
  do_what_is_due(nullptr, now);
  return run;
}

void* take_from_hand(std::size_t size) {
  const unsigned size_class = request_class(size);
  Run* run = hand_gate.take_any(size_class).run;
  if (run == nullptr) run = take_at_turn(size_class);
  if (run == nullptr) return nullptr;
  show(run);
  return run->start();
}

}  // namespace

bool starts_large_block(const void* block, Tag tag) {
  const bool is_block = tag == tag_for(Kind::kLarge) || tag == tag_for(Kind::kHuge);
  return is_block && address_of(granule_of(block)) == block;
}

namespace {

LargeBlock make_once(std::size_t size, std::size_t alignment, OwnerId heap, learn::Site site) {
  const bool hand_serves = heap == kNoOwner && alignment <= kGranuleBytes;
  if (hand_serves) {
    if (void* block = take_from_hand(size)) return {block, false};
  }
  bool soon = false;
  if (Run* run = idle_blocks.take(size, alignment, &soon)) {
    if (soon && hand_serves) hands.grant(request_class(size), os::now_ms());
    reuse(run, heap);
    return {run->start(), false};
  }
  const bool huge = size >= knobs::kHugeFrom || alignment >= knobs::kHugeFrom;
  if (!huge) return make_in_store(size, alignment, heap, site);
  idle_blocks.make_room();
  return make_huge(size, alignment, heap, site);
}

}  // namespace

LargeBlock make_large(std::size_t size, std::size_t alignment, OwnerId heap,
                      const void* caller) {
  if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX / 2) return {nullptr, false};
  if (size == 0) size = 1;
  const learn::Site site = call_site(caller);
  LargeBlock block = make_once(size, alignment, heap, site);
  if (block.start == nullptr) {
    find_memory(size);
    block = make_once(size, alignment, heap, site);
    if (block.start == nullptr && find_address_space(size)) block = make_once(size, alignment, heap, site);
  }
  if (block.start != nullptr) run_of(block.start)->site = site;
  return block;
}

namespace {

[[gnu::noinline]] void* allocate_large_slow(std::size_t size, const void* return_address) {
  boot();
  void* block = make_large(size, kMinAlign, kNoOwner, return_address).start;
  if (block == nullptr) errno = ENOMEM;
  return block;
}

}  // namespace

// The block that was freed last is in use again: one of those before it.
[[gnu::noinline]] void* allocate_from_below(std::size_t size, const void* caller) {
  const InHand taken = hand_gate.take_any(request_class(size));
  if (HAK_UNLIKELY(taken.run == nullptr)) return allocate_large_slow(size, caller);
  show(taken.run);
  taken.run->site = call_site(caller);
  return taken.block;
}

[[gnu::noinline]] void free_hidden(Run* run) {
  if (hand_gate.put_any(run->hand_class, run, run->start())) return;
  const std::uint64_t now = os::now_ms();
  retire(run, now);
  do_what_is_due(nullptr, now);
}

// For who jumps here without a frame of its own: the return address is its caller's.
void* allocate_large(std::size_t size) { return allocate_large_inline(size, __builtin_return_address(0)); }

void* allocate_large_for(std::size_t size, const void* caller) { return allocate_large_inline(size, caller); }

void free_large(void* block) { free_large_inline(block, page_map.fast_index(block)); }

void free_outside_slabs(void* block, Tag tag) {
  if (block == nullptr) return;
  if (tag == tag_for(Kind::kForeign)) return free_unknown(block);
  if (!starts_large_block(block, tag)) return report_bad_free(block);
  Run* const run = run_of(block);
  hide(run);
  free_hidden(run);
}

// Room to grow is not the program's yet: programs count what they hold by this.
std::size_t large_bytes(const void* block) {
  const Run* run = run_of(block);
  const bool is_huge = page_map.tag_of(block) == tag_for(Kind::kHuge);
  return is_huge ? usable_bytes_of_huge(run) : run->block_bytes.load_relaxed();
}

void destroy_large_of(OwnerId heap) {
  destroy_huge_of(heap);
  // In batches: a run cannot be released while the store is being walked.
  constexpr unsigned kBatch = 256;
  Run* found[kBatch];
  unsigned n = 0;
  do {
    n = 0;
    run_store.for_each_granule([&](Granule g, Tag tag) {
      if (n == kBatch || tag != tag_for(Kind::kLarge)) return;
      Run* run = static_cast<Run*>(page_map.details_of(g));
      if (run->heap.load_relaxed() == heap) found[n++] = run;
    });
    for (unsigned i = 0; i < n; ++i) {
      end_room(found[i]);
      run_store.release(found[i]);
    }
  } while (n == kBatch);
}

void tick_large(std::uint64_t now_ms) {
  retire_all(hands.collect(now_ms, false));
  idle_blocks.tick(now_ms);
}

bool empty_large_hands() {
  retire_all(hands.collect(os::now_ms(), true));
  return hands.granted() == 0;
}

void give_back_idle_large() {
  empty_large_hands();
  idle_blocks.give_all_back();
}

bool lend_idle_large(std::size_t bytes, os::Node node) {
  return !idle_blocks.is_empty() && idle_blocks.lend(bytes, node);
}

bool make_large_shards(unsigned places) { return idle_blocks.make(places); }

std::size_t idle_large_bytes() { return idle_blocks.held_bytes() + hands.granted(); }

void leave_large_hand() { retire_all(hands.leave(os::now_ms())); }

}  // namespace hakmem
