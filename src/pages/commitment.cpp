#include "pages/commitment.hpp"

#include "pages/metadata.hpp"

namespace hakmem {

constinit Commitment commitment;

namespace {

// Code, stacks, page tables and other heaps of the process have to fit below the limit too.
constexpr std::size_t kReservedShare = 8;

}  // namespace

void Commitment::set_limits(std::size_t limit, std::size_t hard, const os::MemoryCgroup& group) {
  group_ = group;
  hard_ = hard;
  limit_ = limit;
}

std::size_t Commitment::total(std::size_t more) const {
  const std::size_t held = blocks_.load_relaxed() + metadata_use().handed_out;
  return held + more < held ? SIZE_MAX : held + more;
}

bool Commitment::reserve(std::size_t bytes, std::size_t ceiling) {
  add(bytes);
  if (total(0) <= ceiling) return true;
  drop(bytes);
  return false;
}

std::size_t Commitment::soft() const {
  if (!has_limit()) return hard_;
  const std::size_t whole = limit_ - limit_ / kReservedShare;
  const std::size_t others = others_.load_relaxed();
  const std::size_t soft = others < whole ? whole - others : 0;
  return soft < hard_ ? soft : hard_;
}

// The reserved share is there for what is in the group beside this heap; only more than that
// counts.
void Commitment::look_around() {
  const std::size_t all = os::working_set_bytes(group_);
  const std::size_t expected = bytes() + limit_ / kReservedShare;
  others_.store_relaxed(all > expected ? all - expected : 0);
  stall_percent_.store_relaxed(os::memory_stall_percent(group_));
}

}  // namespace hakmem
