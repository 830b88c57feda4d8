#include "large/touched.hpp"

namespace hakmem {

namespace {

constexpr float kUnknown = -1;

// How much one more block counts.
constexpr float kNewest = 0.25F;

float moved(float from, float to) { return from + (to - from) * kNewest; }

}  // namespace

// The one that asked last has the entry.
Touched::Entry& Touched::entry_of(std::uint32_t key) {
  Entry& entry = entries_[key >> (32 - kIndexBits)];
  if (entry.key.load_relaxed() != key) {
    entry.share.store_relaxed(kUnknown);
    entry.asked.store_relaxed(0);
    entry.bytes.store_relaxed(0);
    entry.key.store_relaxed(key);
  }
  return entry;
}

float Touched::expect(learn::Site site, unsigned size_class) {
  Entry& entry = entry_of(key_of(site, size_class));
  const std::uint32_t asked = entry.asked.load_relaxed();
  entry.asked.store_relaxed(asked + 1);
  if (asked % kBlind == 0) return kUnknown;
  const float share = entry.share.load_relaxed();
  if (share >= 0) return share;
  return any_noted_.load_relaxed() < kEnough ? kUnknown : any_share_.load_relaxed();
}

void Touched::note(learn::Site site, unsigned size_class, float share) {
  Entry& entry = entry_of(key_of(site, size_class));
  const float known = entry.share.load_relaxed();
  entry.share.store_relaxed(known < 0 ? share : moved(known, share));
  entry.bytes.store_relaxed(0);
  any_share_.store_relaxed(moved(any_share_.load_relaxed(), share));
  any_noted_.store_relaxed(any_noted_.load_relaxed() + 1);
}

void Touched::remember(learn::Site site, unsigned size_class, Block block) {
  Entry& entry = entry_of(key_of(site, size_class));
  entry.start.store_relaxed(block.start);
  entry.bytes.store_relaxed(block.bytes);
}

Touched::Block Touched::take_remembered(learn::Site site, unsigned size_class) {
  Entry& entry = entry_of(key_of(site, size_class));
  const Block block{entry.start.load_relaxed(), entry.bytes.load_relaxed()};
  entry.bytes.store_relaxed(0);
  return block;
}

}  // namespace hakmem
