// Resize: realloc of large blocks, in place, into an idle block, or by moving pages.
//
//   fits in its run                                                 in place
//   longer; an idle block is long enough, and copying is cheaper    copied into it: the pages it grows into are there
//   longer; what follows in the store is free                       in place
//   longer; an idle one in the store is longer still, not much      copied into it, and the rest of it goes to the store
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
#include "large/learning.hpp"
#include "large/new_pages.hpp"
#include "large/request_class.hpp"
#include "large/room.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "large/touched.hpp"
#include "thread/known_costs.hpp"

namespace hakmem {

namespace {

// A block that is used to its end is as short of its class as a fifth.
constexpr float kMostOfIt = 0.7F;

bool is_mostly_there(const std::byte* start, std::size_t bytes) { return touched_share(start, bytes) >= kMostOfIt; }

// Seconds, of one of so many bytes that are not resident.
double new_page_s(std::size_t bytes, const learn::CostModel& costs) {
  const bool huge = bytes >= kHugePageBytes && may_have_huge_pages(large_heap_bytes());
  return huge ? costs.huge_fault_s * 4096 / static_cast<double>(kHugePageBytes) : costs.fault_s;
}

// How long a resident block has to be at least for copying `used` bytes into it to cost less than the new pages
// that the rest saves. `room`: how long the block may become.
std::size_t least_worth_copying(std::size_t used, std::size_t room) {
  const learn::CostModel costs = known_costs();
  const double times = costs.copy_s / new_page_s(room - used, costs);
  return used + static_cast<std::size_t>(static_cast<double>(used) * times);
}

// As long as the site's blocks have become, as far as all blocks together may have room.
std::size_t resident_room(std::size_t size, Growth::Site grower) {
  if (room_is_dear()) return size;
  const std::size_t room = growth.room(grower, size);
  const std::size_t most = size + room_left();
  return room < most ? room : most;
}

// Below knobs::kMoveFrom a block that has to move is copied anyway. The pages of a longer one could move: it is copied if most
// of them are there, and its site has filled what blocks grew by before.
bool is_worth_copying(const Run* run, std::size_t size, std::size_t used, learn::Site site) {
  return used < knobs::kMoveFrom || (touched.was_full(site, request_class(size)) && is_mostly_there(run->start(), used));
}

// The first `size` bytes, rounded up to a class, are the program's; the rest is room to grow.
void leave_room(Run* run, std::size_t size) {
  if (run->is_huge()) return set_asked(run, size);
  const std::size_t length = large_length(size);
  if (length < run->bytes()) set_usable(run, length);
}

// `take(least, room)` gives an idle block, if it has one, for a block that shall be at least so long. What was never touched of it, or
// has been freed lazily, has to be faulted in, and serves no better than new pages.
template <typename Take>
void* grow_into_idle(Run* run, std::size_t size, std::size_t used, Growth::Site grower, Take take) {
  const auto site = static_cast<learn::Site>(grower);
  if (!learning.acts()) return nullptr;
  const std::size_t room = resident_room(size, grower);
  const std::size_t least = least_worth_copying(used, room);
  if (least > room || !is_worth_copying(run, size, used, site)) return nullptr;
  Run* const to = take(size < least ? least : size, room);
  if (to == nullptr) return nullptr;
  const std::size_t end = room < to->bytes() ? room : to->bytes();
  if (used >= knobs::kMoveFrom && !is_mostly_there(to->start() + used, end - used)) {
    idle_blocks.keep(to, to->freed_at_ms);
    return nullptr;
  }
  if (large_length(end) < to->bytes() && !to->is_huge()) run_store.shrink(to, granules_for(large_length(end)));
  end_new_pages(run);
  reuse(to, run->heap.load_relaxed());
  leave_room(to, size);
  begin_room(to);
  begin_used_pages(to);
  to->site = site;
  std::memcpy(to->start(), run->start(), used);
  if (to->has_room) growth.note_granted(grower, size);
  growth.note(grower, size);
  hide(run);
  free_hidden(run);
  return to->start();
}

// As long as the site's blocks have become, or shorter.
void* grow_into_spare(Run* run, std::size_t size, std::size_t used, Growth::Site grower) {
  return grow_into_idle(run, size, used, grower, [](std::size_t least, std::size_t room) { return idle_blocks.take_spare(least, room); });
}

// One that is not much longer, whose end goes back to the store: better than pages that nobody has touched.
void* grow_into_longer(Run* run, std::size_t size, std::size_t used, Growth::Site grower) {
  return grow_into_idle(run, size, used, grower, [](std::size_t, std::size_t room) { return idle_blocks.take_longer(room); });
}

bool resize_run(Run* run, std::size_t size) {
  const std::size_t length = large_length(size);
  if (size > run->bytes()) {
    if (!run_store.extend(run, granules_for(length), tag_for(Kind::kBusy))) return false;
  } else if (length < run->block_bytes.load_relaxed()) {
    run_store.shrink(run, granules_for(length));
  }
  set_usable(run, length < run->bytes() ? length : run->bytes());
  return true;
}

// The block's length and what it uses may change: its room is not counted meanwhile.
void* resize(Run* run, std::size_t size, const void* caller) {
  const Growth::Site grower{call_site(caller)};
  if (run->is_huge()) {
    void* const moved = size > run->bytes() ? grow_into_longer(run, size, usable_bytes_of_huge(run), grower) : nullptr;
    return moved != nullptr ? moved : resize_huge(run, size, grower);
  }
  const std::size_t held = run->block_bytes.load_relaxed();
  const bool stays = size < knobs::kHugeFrom || size <= run->bytes();
  if (stays && resize_run(run, size)) {
    if (size > held) {
      growth.note(grower, size);
      grow_new_pages(run, held, size, call_site(caller));
    }
    return run->start();
  }
  const bool is_early = held < knobs::kMoveFrom && !growth.goes_far(grower);
  const bool too_many = size < knobs::kHugeFrom && huge_use().blocks >= knobs::kMostMovedEarly;
  if (size < held || is_early) return nullptr;
  if (void* const moved = grow_into_longer(run, size, held, grower)) return moved;
  return too_many ? nullptr : move_to_huge(run, size, grower);
}

}  // namespace

void* resize_large(void* block, std::size_t size, const void* caller) {
  if (size > PTRDIFF_MAX) return nullptr;
  Run* run = run_of(block);
  if (size > run->bytes()) {
    if (void* moved = grow_into_spare(run, size, large_bytes(block), Growth::Site{call_site(caller)})) return moved;
  }
  const bool had_room = end_room(run);
  void* const resized = resize(run, size, caller);
  if (had_room && (resized == block || resized == nullptr)) begin_room(run);
  return resized;
}

}  // namespace hakmem
