// Large hot: malloc and free of a large block by way of the thread's hand, as inline code, so that
// the C library's names need no jumps from one part to the next.
//
// Above: api; large.cpp, for everybody else. Below: hand. Any thread, on its own hand.
#pragma once

#include "large/hand.hpp"
#include "large/large.hpp"
#include "large/site_keys.hpp"

namespace hakmem {

// Slow paths, in large.cpp.
void* allocate_from_below(std::size_t size,
                          const void* caller);  // the top is in use again, or more is due
void free_hidden(Run* run);  // tagged kBusy

// It is in use again. Whose hand has it, has the flat page map.
inline void show(const Run* run) { page_map.set_tag_of_run(run->first, run->tag_in_use()); }

[[gnu::always_inline]] inline void* allocate_large_inline(std::size_t size, const void* caller) {
  const InHand taken = hand_gate.take(request_class(size));
  if (HAK_UNLIKELY(taken.run == nullptr)) return allocate_from_below(size, caller);
  show(taken.run);
  taken.run->site = keyless_site(caller);  // Hands::grant() sees to it
  return taken.block;
}

// By the flat page map `block` lies in the first granule of a large or huge one.
[[gnu::always_inline]] inline void free_large_inline(void* block, std::uint64_t index) {
  if (HAK_UNLIKELY(reinterpret_cast<std::uintptr_t>(block) % kGranuleBytes != 0)) return report_bad_free(block);
  Run* run = static_cast<Run*>(page_map.fast_details(index));
  page_map.set_tag_fast(index, tag_for(Kind::kBusy));
  if (HAK_UNLIKELY(!hand_gate.put(run->hand_class, run, block))) free_hidden(run);
}

}  // namespace hakmem
