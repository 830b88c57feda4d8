#include "large/states.hpp"

#include "large/huge.hpp"
#include "large/idle_blocks.hpp"
#include "large/new_pages.hpp"
#include "large/room.hpp"

namespace hakmem {

void set_usable(Run* run, std::size_t usable) {
  run->block_bytes.store_relaxed(usable);
  set_hand_class(run);
}

void publish(Run* run, OwnerId heap) {
  run->heap.store_relaxed(heap);
  set_usable(run, run->bytes());
  page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kLarge));
}

void reuse(Run* run, OwnerId heap) {
  if (run->is_huge()) {
    revive_huge(run, heap);
  } else {
    publish(run, heap);
  }
}

void hide(Run* run) { page_map.set_tags(run->first, Granules{1}, tag_for(Kind::kBusy)); }

void retire(Run* run, std::uint64_t now_ms) {
  end_new_pages(run);
  end_room(run);
  if (run->is_huge()) retire_huge(run);
  if (run->heap.load_relaxed() == kNoOwner) {
    idle_blocks.keep(run, now_ms);
  } else {
    give_back(run);
  }
}

void retire_all(Run* chain) {
  while (chain != nullptr) {
    Run* next = chain->next.load_relaxed();
    retire(chain, chain->freed_at_ms);
    chain = next;
  }
}

}  // namespace hakmem
