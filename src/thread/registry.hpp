// Registry: every heap there is, by owner id, and which of them no thread uses.
//
//   id 0  nobody      id 1...  all heaps of a node that share slabs (sharing.cpp)      then  heaps
//
// Heaps of exited threads wait in a list and are taken by the next thread, or by one that begins with a block
// of theirs. Those that hold little are
// parked: they keep what they have, and a thread that starts soon finds warm caches. After
// knobs::kFlushMs the others close them; above knobs::kParkedBytes they are closed at once.
//
// Above: heap, api. Below: heap's record only. Any thread; one lock (rank kRegistry).
#pragma once

#include "thread/heap.hpp"

namespace hakmem {

// Two ids a node that no heap has: of mixed bundles, which are for nobody in particular, and of blocks of shared slabs.
constexpr OwnerId nobodys_owner(os::Node node) { return OwnerId{1 + 2 * os::index_of(node)}; }
constexpr OwnerId everybodys_owner(os::Node node) { return OwnerId{2 + 2 * os::index_of(node)}; }
constexpr os::Node node_of_shared(OwnerId owner) {
  return os::Node{static_cast<std::uint8_t>((static_cast<std::uint32_t>(owner) - 1) / 2)};
}
inline constexpr OwnerId kFirstHeap{3};  // with one node

// The heap with this id, or nullptr.
Heap* heap_of(OwnerId owner);

// The calling thread's heap, made or taken again on the first call; nullptr: no memory, or the
// thread is exiting and has given its heap up. `before`: the heap whose block it frees; one that no thread has
// any more is taken first.
Heap* thread_heap(OwnerId before = kNoOwner);

// One block for such a thread, through a heap that it holds for this call only (the C library frees
// and allocates after all destructors). nullptr: no memory, or the thread has not left.
void* allocate_after_leaving(ClassId c);

// Gives the calling thread's heap up, for good.
void leave_thread_heap();

// The same, for one on the node where the thread runs now; a block from that. nullptr: no memory.
void* refill_on_other_node(ClassId c);

// Closes the heaps that have been parked for long (`all`: every one).
void close_parked_heaps(std::uint64_t now_ms, bool all);
bool any_parked_heap();

struct ParkedUse {
  unsigned heaps;
  std::size_t bytes;
};
ParkedUse parked_use();

// A heap that no thread gets: for hak_heap_create(). nullptr: no memory.
Heap* take_users_heap();
void give_users_heap(Heap* heap);

// Heaps now serving a thread.
unsigned live_heaps();

// One more than the highest owner id in use.
std::uint32_t owner_count();

// So many that what each has for itself should be less.
bool many_heaps();

// So many that most of them sleep.
bool is_crowd();

// Many heaps, but no crowd: then one that has slabs of its own had better share. One that shares goes on a little beyond either
// bound.
bool should_share(bool shares);

// More than one, but no crowd. Before the processors are known, too: the second thread reads them, the third does not wait.
bool should_share_at_first();

// Runs when a thread exits, to give its heap back; set at boot.
void boot_registry();

bool registry_lock_is_mine();
bool lock_registry_for_fork(bool patient);
void unlock_registry_after_fork(bool in_child);

}  // namespace hakmem
