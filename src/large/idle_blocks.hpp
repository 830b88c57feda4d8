// Idle blocks: large and huge blocks that were freed and wait, as they are, to be used again.
//
//   place 0                                          place 1
//   class 64K  | bottom ....... top |                class 64K  | ..... top |   newest on top: the next
//   class 80K  |      ......        |                class 80K  | ..        |   malloc of that class takes it
//   ...                                              ... 1M
//   class 1G and more
//
// Blocks up to 1 MiB wait in the shard of the place that frees them, or of one on their own node, and a
// malloc looks in its own place first, then in the others of its node. Longer blocks of all places share
// the first shard: to touch one takes hundreds of times as long as a lock does, and in one stack
// none waits at one place while another place makes its own.
//
// Blocks are as long as their class, so any one of a stack serves any request of it; what the program
// does not touch of a block was never resident. Before slabs or blocks of another length touch fresh
// pages, idle blocks that are not much longer coalesce in the run store, where those find theirs (lend).
// So memory does not grow while some of it is idle.
//
// Above: large. Below: idle shard, learning, run store. Any thread. Shards' locks are taken one at a time:
// bounds on all of them together may be passed by what several threads free at the same moment.
#pragma once

#include "large/give_back.hpp"
#include "large/idle_shard.hpp"
#include "pages/run_store.hpp"
#include "pages/sharded.hpp"

namespace hakmem {

// How long a block for a request of `bytes` is: as its class, and whole granules.
std::size_t large_length(std::size_t bytes);

class IdleBlocks {
 public:
  // Longer classes are not sharded.
  static constexpr unsigned kLastSharded = learn::large_class_of(kMiB);

  // When the topology is known. False: no memory.
  bool make(unsigned places) { return shards_.make(places); }

  // A run for a request of `bytes` that starts on a multiple of `alignment`, or nullptr. `soon` is set
  // when it was freed a moment ago, and its class is worth holding for as long as a hand does.
  Run* take(std::size_t bytes, std::size_t alignment, bool* soon);
  Run* take(std::size_t bytes, std::size_t alignment = kGranuleBytes);

  // The longest block that waits, of at least `least` bytes and at most about `most`, or nullptr.
  Run* take_spare(std::size_t least, std::size_t most);

  // The shortest in the store that is longer than one for `bytes`, but not much.
  Run* take_longer(std::size_t bytes);

  // A run that left a stack of its own, a hand, was used so often, each time after about `idle_ms`.
  // False: its class is not worth a hand any more.
  bool note_reuses(const Run* run, std::uint32_t uses, std::uint64_t idle_ms);

  // The oldest of the node's blocks that are not much longer than a run of `bytes` coalesce, several times as many bytes. False:
  // there are none.
  bool lend(std::size_t bytes, os::Node node);

  // A block that is a mapping of its own is about to be made: the oldest one goes.
  void make_room();

  // The run is idle, from `freed_at_ms` on: now, or before that if it was in a hand or is put back.
  void keep(Run* run, std::uint64_t freed_at_ms);

  // Gives back what is due, and lets arms change.
  void tick(std::uint64_t now_ms);

  // Gives everything back, the oldest first.
  void give_all_back();

  // Adds to `into` what `recorded` has, and the blocks that wait now: nobody may use them again.
  void add_evidence(const learn::Profile& recorded, learn::Profile& into);

  bool is_empty();
  std::size_t held_bytes() { return use().held_bytes; }
  IdleUse use();

  // For reports, one at a time: calls see_block(run, context, is_lazy) for every entry that has pages,
  // under its shard's lock, then see_learning() under the learner's.
  template <typename SeeBlock, typename SeeLearning>
  void look(SeeBlock see_block, SeeLearning see_learning);

  void forget_notes_for_test() {
    shards_.for_each([](IdleShard& shard) { shard.forget_notes_for_test(); });
    learning.forget_counts_for_test();
  }

  bool lock_is_mine();
  bool lock_for_fork(bool patient);
  void unlock_after_fork(bool in_child);

 private:
  static constexpr unsigned kBatch = 32;

  unsigned home_of(unsigned size_class, os::Node node);
  Run* take_block(const IdleShard::Request& request, bool* soon);
  template <typename Visit>
  bool try_near(unsigned size_class, Visit visit);
  unsigned detach_oldest(const IdleShard::Selection& of, Run** batch, unsigned most);
  void free_lazily_over_limit(IdleShard& home);
  bool is_time_to_decide(std::uint64_t now_ms);
  void decide(std::uint64_t now_ms);
  bool is_time_to_measure(std::uint64_t now_ms);
  void tell_all(std::uint64_t now_ms);
  static void update_costs();

  Lock report_lock_{LockRank::kIdleReport};
  Sharded<IdleShard, os::kMostPlaces> shards_;
  Atomic<std::uint64_t> given_back_{0};  // releases by give_all_back()
  Atomic<unsigned> lowered_{0};          // whose turn it was
  Atomic<std::uint64_t> decided_at_ms_{0};
  Atomic<std::uint64_t> measure_due_ms_{0};
};

template <typename SeeBlock, typename SeeLearning>
void IdleBlocks::look(SeeBlock see_block, SeeLearning see_learning) {
  const LockGuard guard(report_lock_);
  tell_all(os::now_ms());
  shards_.for_each([&](IdleShard& shard) {
    shard.look(false, [&](const IdleEntry& entry) { see_block(*entry.run, entry.context, entry.is_lazy); });
  });
  learning.look(see_learning);
}

extern IdleBlocks idle_blocks;

}  // namespace hakmem
