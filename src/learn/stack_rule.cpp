// See stack_rule.hpp.
#include "learn/stack_rule.hpp"

namespace hakmem::learn {

StackRule::OnFree StackRule::note_freed(std::size_t bytes, std::size_t idle_bytes) {
  if (kind_ != SelectorKind::kGlibc) return OnFree::kStays;
  if (bytes < threshold_) return idle_bytes > 2 * threshold_ ? OnFree::kAllGo : OnFree::kStays;
  if (bytes + kHeader <= kHighestThreshold) threshold_ = bytes + kHeader;
  return OnFree::kGoes;
}

void StackRule::note_taken(unsigned size_class, std::size_t left) {
  Class& of = class_[size_class];
  if (left < of.least) of.least = left;
}

std::size_t StackRule::unneeded(unsigned size_class, std::size_t count) {
  Class& of = class_[size_class];
  const std::size_t least = of.least;
  of.least = count;
  if (kind_ == SelectorKind::kLowWater) return least;
  return kind_ == SelectorKind::kPeak ? least_in_window(of, least) : 0;
}

// What the peak of the window would not have needed is the least that was idle in it.
std::size_t StackRule::least_in_window(Class& of, std::size_t least) const {
  of.window[of.next] = least;
  of.next = (of.next + 1) % kWindow;
  for (const std::size_t one : of.window) least = one < least ? one : least;
  return least;
}

}  // namespace hakmem::learn
