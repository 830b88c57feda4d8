// Idle bundles: what a thread has freed of others' blocks goes home while it sleeps.
//
//   a bundle is opened -> somebody looks, every knobs::kIdleBundlesMs
//   bundles that have not changed since the look before: the heap's gate is closed, and every block
//   but those that its thread is just pushing goes to its slab
//
// A bundle is only pushed onto by its thread, so what is below its top is nobody's to take but the
// emptier's. Loaded magazines are not: their thread may have read a block and not yet moved its top
// (docs/concurrency.md). Hence threads of a crowd keep little in those (refill.cpp).
//
// Above: housekeeping. Below: heap. Any thread; one lock (rank kIdleBundles).
#pragma once

#include <cstdint>

namespace hakmem {

// To be called by who opens a bundle, or may have pushed onto one.
void note_bundle_opened();

// Some bundle may be waiting.
bool any_open_bundle();

// Looks, and empties what has been idle since the look before.
void empty_idle_bundles();

// Waits until nobody is at work behind a gate.
void wait_for_emptier();

bool idle_bundles_lock_is_mine();
bool lock_idle_bundles_for_fork(bool patient);
void unlock_idle_bundles_after_fork(bool in_child);

}  // namespace hakmem
