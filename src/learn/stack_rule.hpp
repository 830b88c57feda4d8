// Stack rule: the release rules of other allocators, in the terms of stacks of idle blocks.
//
//   low-water   each second, what was idle throughout it goes
//   peak        each second, what the peak of the last 10 would not have needed goes
//   glibc       ptmalloc's dynamic threshold: a block at least that long goes when it is freed and
//   raises
//               the threshold above its length, up to 32 MiB; of shorter ones more than twice the
//               threshold may be idle, then all go
//
// The first two say how many idle blocks of a class are not needed. Those are the oldest:
//
//   bottom | gone gone gone | resident resident | top
//                  unneeded ^             count ^
//
// In the real ptmalloc only what lies at the heap's top is trimmed, and blocks that were mapped
// before the threshold rose are still unmapped: this is the rule, with the heap's layout left out.
//
// They learn nothing and ignore the price: baselines that learning must beat, for real
// (HAKMEM_SELECTOR) and in the simulator, with the same code.
// Above: large, the simulator. Below: selector, contexts. Pure; no locks: the caller has one.
#pragma once

#include "learn/contexts.hpp"
#include "learn/selector.hpp"

namespace hakmem::learn {

class StackRule {
 public:
  enum class OnFree : std::uint8_t { kStays, kGoes, kAllGo };

  StackRule() = default;
  explicit StackRule(SelectorKind kind) : kind_(kind) {}

  SelectorKind kind() const { return kind_; }

  // A block is freed; `idle_bytes` are resident and idle with it.
  OnFree note_freed(std::size_t bytes, std::size_t idle_bytes);

  // The newest idle block of the class is used again, `left` stay.
  void note_taken(unsigned size_class, std::size_t left);

  // Once a second for each class: how many of its `count` idle blocks are to go, the lowest.
  std::size_t unneeded(unsigned size_class, std::size_t count);

 private:
  static constexpr unsigned kWindow = 10;
  static constexpr std::size_t kFirstThreshold = 128 * kKiB;
  static constexpr std::size_t kHighestThreshold = 32 * kMiB;
  static constexpr std::size_t kHeader = 4 * kKiB;  // a mapping's header takes a page more

  struct Class {
    std::size_t least;            // idle since the last second
    std::size_t window[kWindow];  // the least of each second
    unsigned next;
  };

  std::size_t least_in_window(Class& of, std::size_t least) const;

  SelectorKind kind_ = SelectorKind::kHindsight;
  std::size_t threshold_ = kFirstThreshold;
  Class class_[kLargeClasses] = {};
};

}  // namespace hakmem::learn
