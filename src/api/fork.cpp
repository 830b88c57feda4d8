// Fork: all locks are taken, in rank order, before fork and dropped on both sides after it, so that
// the child's copy is never in the middle of a change.
//
// A fork from a signal handler may interrupt a thread inside one of our critical sections: the lock
// is then its own, stays held across the fork on both sides, and the section goes on when the handler
// returns (Lock::lock_for_fork). What other threads had in their magazines stays theirs in the
// child: unreachable, never wrong.
#include "api/fork.hpp"

#include "api/user_heap.hpp"
#include "large/large.hpp"
#include "large/run_cache.hpp"
#include "os/fork.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"
#include "thread/registry.hpp"
#include "thread/shared_start.hpp"

namespace hakmem {

namespace {

void take_all() {
  lock_user_heaps_for_fork();
  lock_registry_for_fork();
  lock_shared_start_for_fork();
  for (SlabShard& shard : slab_shards) shard.lock_for_fork();
  lock_large_for_fork();
  run_cache.lock_for_fork();
  run_store.lock_for_fork();
  lock_metadata_for_fork();
}

void drop_all() {
  unlock_metadata_after_fork();
  run_store.unlock_after_fork();
  run_cache.unlock_after_fork();
  unlock_large_after_fork();
  for (SlabShard& shard : slab_shards) shard.unlock_after_fork();
  unlock_shared_start_after_fork();
  unlock_registry_after_fork();
  unlock_user_heaps_after_fork();
}

void before_fork() {
  os::lock_stream_list();
  take_all();
}

void after_fork_in_parent() {
  drop_all();
  os::unlock_stream_list_in_parent();
}

void after_fork_in_child() {
  drop_all();
  os::forget_stream_list_in_child();
}

}  // namespace

void watch_forks() { os::on_fork(before_fork, after_fork_in_parent, after_fork_in_child); }

}  // namespace hakmem
