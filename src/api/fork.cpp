// Fork: all locks are taken, in rank order, before fork and dropped on both sides after it, so that
// the child's copy is never in the middle of a change.
//
// A fork from a signal handler may interrupt a thread inside one of our critical sections: the lock
// is then its own, stays held across the fork on both sides, and the section goes on when the handler
// returns (Lock::lock_for_fork). Another thread may hold a lock of lower rank and wait for that one:
// such a fork waits for the others for a while only.
//
// Another thread may be forking, too: it has stdio's list, for which the handler's fork waits, and waits
// for the lock below the handler. So after a while it drops all, lets go of the list for a moment, and
// begins again. A thread gets no signals while it has our locks for a fork.
//
// What it waits for may be a lock of the program's that a handler before ours has taken, or the C library's
// own: after kMostAttempts it goes on without what it did not get, as a fork from a handler does.
//
// What other threads had in their magazines stays theirs in the child: unreachable, never wrong.
#include "api/fork.hpp"

#include "api/user_heap.hpp"
#include "large/hands.hpp"
#include "large/idle_blocks.hpp"
#include "large/large.hpp"
#include "os/fork.hpp"
#include "os/thread.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"
#include "thread/background.hpp"
#include "thread/idle_bundles.hpp"
#include "thread/registry.hpp"
#include "thread/shared_slabs.hpp"
#include "thread/tuner.hpp"

namespace hakmem {

namespace {

constexpr std::uint32_t kFirstPauseUs = 100;
constexpr std::uint32_t kMostPauseUs = 10'000;
constexpr unsigned kMostAttempts = 100;  // by reckoning 9 s: for each 80 ms for one lock, and a pause

// False: a lock was not free for long, and it was waited for patiently; some are taken.
bool take_all(bool patient) {
  if (!lock_user_heaps_for_fork(patient) || !lock_registry_for_fork(patient) || !lock_idle_bundles_for_fork(patient) ||
      !lock_shared_slabs_for_fork(patient))
    return false;
  bool done = true;
  slab_shards.for_each([&](SlabShard& shard) { done = done && shard.lock_for_fork(patient); });
  return done && lock_large_for_fork(patient) && hands.lock_for_fork(patient) && idle_blocks.lock_for_fork(patient) &&
         run_store.lock_for_fork(patient) && lock_metadata_for_fork(patient);
}

void drop_all(bool in_child) {
  unlock_metadata_after_fork(in_child);
  run_store.unlock_after_fork(in_child);
  idle_blocks.unlock_after_fork(in_child);
  hands.unlock_after_fork(in_child);
  unlock_large_after_fork(in_child);
  slab_shards.for_each([in_child](SlabShard& shard) { shard.unlock_after_fork(in_child); });
  unlock_shared_slabs_after_fork(in_child);
  unlock_idle_bundles_after_fork(in_child);
  unlock_registry_after_fork(in_child);
  unlock_user_heaps_after_fork(in_child);
}

// Signals last: their handlers may fork.
void let_go_in_parent() {
  drop_all(false);
  os::unlock_stream_list_in_parent();
  os::restore_signals();
}

// Waits for stdio's list, and between its attempts, as the program set its signals.
void before_fork() {
  const bool can_wait = !holds_a_lock();
  std::uint32_t pause_us = kFirstPauseUs;
  for (unsigned attempts = 1;; ++attempts) {
    os::lock_stream_list();
    os::block_signals();
    if (take_all(can_wait && attempts <= kMostAttempts)) return;
    let_go_in_parent();
    lock_pause(pause_us);
    pause_us = pause_us * 2 < kMostPauseUs ? pause_us * 2 : kMostPauseUs;
  }
}

void after_fork_in_child() {
  drop_all(true);
  os::become_main_thread();
  forget_background();
  forget_tuner();
  os::forget_stream_list_in_child();
  os::restore_signals();
}

}  // namespace

bool holds_a_lock() {
  bool mine = user_heap_lock_is_mine() || registry_lock_is_mine() || idle_bundles_lock_is_mine() || shared_slabs_lock_is_mine() ||
              collapse_lock_is_mine() || large_lock_is_mine() || hands.lock_is_mine() || idle_blocks.lock_is_mine() ||
              run_store.growth_lock_is_mine() || run_store.lock_is_mine() || metadata_lock_is_mine();
  slab_shards.for_each([&mine](const SlabShard& shard) { mine = mine || shard.lock_is_mine(); });
  return mine;
}

void watch_forks() { os::on_fork(before_fork, let_go_in_parent, after_fork_in_child); }

}  // namespace hakmem
