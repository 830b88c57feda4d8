// Shared slabs: where heaps that share take their blocks (sharing.cpp), one slab a class and place at a time.
//
//   start[class] | slab |   under the class's lock: whole cache lines while it has any, then the rest
//
// Their blocks bear the tag of all heaps that share on the node, so those free them as their own. A slab that is used up
// waits in its shard, as others do; the fullest one with free slots comes next, and a new one when there is none.
//
// Above: refill. Below: slabs. Any thread; one lock a class and place (rank kSharedSlabs).
#pragma once

#include "slabs/slab_shard.hpp"

namespace hakmem {

// Takes up to `n` blocks and writes them to `out`. 0: no memory.
unsigned take_shared(ClassId c, os::Place place, unsigned n, std::uintptr_t* out);

// Lists the slabs that nobody has taken from since the last trim, for whoever looks for one, and gives back the empty ones. `all`: every
// one.
void trim_shared_slabs(bool all);

// There may be something to trim.
bool any_shared_slab_waits();

// With several places, before there are heaps. False: no memory.
bool make_shared_slabs(unsigned places);

bool shared_slabs_lock_is_mine();
bool lock_shared_slabs_for_fork(bool patient);
void unlock_shared_slabs_after_fork(bool in_child);

}  // namespace hakmem
