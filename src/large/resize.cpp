// Resize: realloc of large blocks, in place, into an idle block, or by moving pages.
//
//   fits in its run                                                 in place
//   longer; an idle block is long enough, and copying is cheaper    copied into it: the pages it grows into are there
//   longer; what follows in the store is free                       in place
//   longer, from knobs::kMoveFrom on                                its pages move to a mapping with room to grow
//   else                                                            realloc makes another block
//
// The idle block may be as long as the site's blocks have become (growth.hpp): then it grows there to its end.
#include <cstring>

#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/huge.hpp"
#include "large/idle_blocks.hpp"
#include "large/large_hot.hpp"
#include "large/new_pages.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kHugePage = 2 * kMiB;

// Seconds, of one of so many bytes that are not resident.
double new_page_s(std::size_t bytes, const learn::CostModel& costs) {
  const bool huge = bytes >= kHugePage && may_have_huge_pages(run_store.mapped_bytes());
  return huge ? costs.huge_fault_s * 4096 / static_cast<double>(kHugePage) : costs.fault_s;
}

// How long a resident block has to be at least for copying `used` bytes into it to cost less than the new pages
// that the rest saves. `room`: how long the block may become.
std::size_t least_worth_copying(std::size_t used, std::size_t room) {
  const learn::CostModel costs = known_costs();
  const double times = costs.copy_s / new_page_s(room - used, costs);
  return used + static_cast<std::size_t>(static_cast<double>(used) * times);
}

// The first `size` bytes, rounded up to a class, are the program's; the rest is room to grow.
void leave_room(Run* run, std::size_t size) {
  if (run->is_huge) return set_asked(run, size);
  const std::size_t usable = large_length(size);
  if (usable < run->bytes()) run->block_bytes.store_relaxed(usable);
}

void* grow_into_idle(Run* run, std::size_t size, std::size_t used, Growth::Site grower) {
  const std::size_t room = growth.resident_room(grower, size);
  const std::size_t least = least_worth_copying(used, room);
  if (least > room) return nullptr;
  Run* const to = idle_blocks.take_spare(size < least ? least : size, room);
  if (to == nullptr) return nullptr;
  reuse(to, run->heap.load_relaxed());
  leave_room(to, size);
  begin_used_pages(to);
  to->site = static_cast<learn::Site>(grower);
  std::memcpy(to->start(), run->start(), used);
  growth.note_granted(grower, size);
  growth.note(grower, size);
  hide(run);
  free_hidden(run);
  return to->start();
}

bool resize_run(Run* run, std::size_t size) {
  const std::size_t length = large_length(size);
  const std::size_t held = run->block_bytes.load_relaxed();
  if (size > run->bytes()) {
    if (!run_store.extend(run, granules_for(length), tag_for(Kind::kBusy))) return false;
  } else if (size < held && length < run->bytes()) {
    run_store.shrink(run, granules_for(length));
  }
  run->block_bytes.store_relaxed(length < run->bytes() ? length : run->bytes());
  set_hand_class(run);
  return true;
}

}  // namespace

void* resize_large(void* block, std::size_t size, const void* caller) {
  if (size > PTRDIFF_MAX) return nullptr;
  Run* run = run_of(block);
  const Growth::Site grower{call_site(caller)};
  if (size > run->bytes()) {
    if (void* moved = grow_into_idle(run, size, large_bytes(block), grower)) return moved;
  }
  if (page_map.tag_of(block) == tag_for(Kind::kHuge)) return resize_huge(run, size, grower);
  const std::size_t held = run->block_bytes.load_relaxed();
  if (size < knobs::kHugeFrom && resize_run(run, size)) {
    if (size > held) {
      growth.note(grower, size);
      grow_new_pages(run, held, size, call_site(caller));
    }
    return block;
  }
  const bool is_early = held < knobs::kMoveFrom && !growth.goes_far(grower);
  const bool too_many = size < knobs::kHugeFrom && huge_use().blocks >= knobs::kMostMovedEarly;
  if (size < held || is_early || too_many) return nullptr;
  return move_to_huge(run, size, grower);
}

}  // namespace hakmem
