// Shared start: with many heaps, the first blocks of a class come from slabs that all heaps share.
//
// A page for each class of each of hundreds of threads costs more than the blocks in it. Only whole
// cache lines are handed out, so no line is shared by two threads; a heap that has taken a few
// kilobytes of a class goes on with slabs of its own, but not for blocks above knobs::kAlwaysSharedAbove.
//
// Each node has slabs of its own. Above: refill. Below: slabs. Any thread; one lock a class and node
// (rank kSharedStart).
#pragma once

#include "slabs/slab_shard.hpp"

namespace hakmem {

// Takes up to `n` blocks (fewer: what is sensible for a start) and writes them to `out`.
unsigned take_shared_start(ClassId c, unsigned n, std::uintptr_t* out);

// With several nodes, before there are heaps. False: no memory.
bool make_shared_starts(unsigned nodes);

bool shared_start_lock_is_mine();
void lock_shared_start_for_fork(bool patient);
void unlock_shared_start_after_fork(bool in_child);

}  // namespace hakmem
