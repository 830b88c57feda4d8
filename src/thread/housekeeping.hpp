// Housekeeping: what is due now and then, done by whichever thread is in a slow path.
//
// Purging old runs, sending idle bundles of the depot home, closing parked heaps, and what the layers
// above have asked for (the statistics file). One relaxed load when nothing is due. Any thread.
#pragma once

#include <cstdint>

#include "os/clock.hpp"

namespace hakmem {

void do_what_is_due(const void* heap, std::uint64_t now_ms);

// When housekeeping will next have something to do; far in the future when nothing is idle.
std::uint64_t next_due(std::uint64_t now_ms);

// Empties the depot and the parked heaps and returns all free runs to the kernel, now. For
// malloc_trim.
void return_everything_idle(const void* heap);

// Of these, what needs no lock below kShard: idle large blocks and free runs.
void give_back_idle_runs();

// Other threads' caches are theirs alone: each heap empties its own at its next slow path after this.
void ask_for_trim();
std::uint32_t trims_asked();

// Called with what is due, every `kHousekeepingMs` or so; two threads may call at once.
void set_due_hook(void (*hook)());

}  // namespace hakmem
