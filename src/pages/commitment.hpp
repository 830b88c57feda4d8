// Commitment: the bytes the allocator has committed, and how many it may.
//
//   committed = runs in use (slabs, large blocks, idle ones) + dirty granules of free runs
//             + mappings of huge blocks, idle ones too + records handed out
//
// It is counted where it changes: whoever needs more reserves it before and drops it after, so that
// a hard limit holds for any number of threads. Whole granules count, touched or not, and lazily
// freed pages count until they have gone: the kernel charges them too.
//
//   0 ................ soft ............ limit        soft = limit - an eighth: the room for what
//   is no heap
//     idle memory waits  | nothing idle is kept; growth gives everything idle back first
//   0 ................................................. hard: growth beyond fails
//
// `others` is what the rest of a limited cgroup uses, as the background thread last saw it; it
// makes the soft limit lower.
//
// Above: run store, huge, housekeeping. Below: metadata, os. Any thread; no lock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/atomics.hpp"
#include "os/cgroup.hpp"

namespace hakmem {

class Commitment {
 public:
  // Once, at boot. SIZE_MAX: none. `group`: whose limit it is, for look_around().
  void set_limits(std::size_t limit, std::size_t hard, const os::MemoryCgroup& group);

  // Who gives back idle blocks and dirty runs; called without any lock above kShard.
  void set_relief(void (*relief)()) { relief_ = relief; }
  void relieve() const {
    if (relief_ != nullptr) relief_();
  }

  // Whether `bytes` more stay within `ceiling`; reserve() counts them if so.
  bool fits(std::size_t bytes, std::size_t ceiling) const { return total(bytes) <= ceiling; }
  bool reserve(std::size_t bytes, std::size_t ceiling);
  void add(std::size_t bytes) { blocks_.fetch_add_relaxed(bytes); }
  void drop(std::size_t bytes) { blocks_.fetch_sub_relaxed(bytes); }

  std::size_t bytes() const { return total(0); }
  std::size_t limit() const { return limit_; }
  bool has_limit() const { return limit_ != SIZE_MAX; }
  bool follows_cgroup() const { return has_limit() && group_.folder[0] != '\0'; }

  std::size_t soft() const;
  std::size_t hard() const { return hard_; }
  bool is_over_soft() const { return has_limit() && bytes() > soft(); }
  unsigned stall_percent() const { return stall_percent_.load_relaxed(); }

  // Reads what the whole cgroup uses. System calls: for the background thread.
  void look_around();

 private:
  std::size_t total(std::size_t more) const;

  Atomic<std::size_t> blocks_{0};
  Atomic<std::size_t> others_{0};
  Atomic<unsigned> stall_percent_{0};
  std::size_t limit_ = SIZE_MAX;  // this and what follows: written at boot
  std::size_t hard_ = SIZE_MAX;
  void (*relief_)() = nullptr;
  os::MemoryCgroup group_;
};

extern Commitment commitment;

}  // namespace hakmem
