#include "large/touched.hpp"

namespace hakmem {

// The one that asked last has the entry.
Touched::Entry& Touched::entry_of(learn::Site site, unsigned size_class) {
  const std::uint32_t key = key_of(site, size_class);
  Entry& entry = entries_[key >> (32 - kIndexBits)];
  if (entry.key.load_relaxed() != key) {
    entry.full.store_relaxed(0);
    entry.allowed.store_relaxed(0);
    entry.bytes.store_relaxed(0);
    entry.key.store_relaxed(key);
  }
  return entry;
}

// Laplace's rule of succession.
double Touched::expect(learn::Site site, unsigned size_class) const {
  const std::uint32_t key = key_of(site, size_class);
  const Entry& entry = entries_[key >> (32 - kIndexBits)];
  if (entry.key.load_relaxed() != key || entry.allowed.load_relaxed() == 0 || entry.bytes.load_relaxed() != 0) return 0;
  const std::uint32_t full = entry.full.load_relaxed();
  return (full + 1.0) / (full + 2.0);
}

void Touched::use_allowance(learn::Site site, unsigned size_class) {
  Entry& entry = entry_of(site, size_class);
  const std::uint32_t allowed = entry.allowed.load_relaxed();
  if (allowed != 0) entry.allowed.store_relaxed(allowed - 1);
}

void Touched::note(learn::Site site, unsigned size_class, bool is_full) {
  Entry& entry = entry_of(site, size_class);
  const std::uint32_t before = entry.full.load_relaxed();
  const std::uint32_t full = !is_full ? 0 : before < kMostFull ? before + 1 : before;
  entry.full.store_relaxed(full);
  const std::uint32_t earned = full == 0 ? 0 : full - 1;  // every other one may be full
  entry.allowed.store_relaxed(earned < kMostAllowed ? earned : kMostAllowed);
  entry.bytes.store_relaxed(0);
}

void Touched::remember(learn::Site site, unsigned size_class, Block block) {
  Entry& entry = entry_of(site, size_class);
  entry.start.store_relaxed(block.start);
  entry.bytes.store_relaxed(block.bytes);
}

Touched::Block Touched::remembered(learn::Site site, unsigned size_class) {
  const Entry& entry = entry_of(site, size_class);
  return {entry.start.load_relaxed(), entry.bytes.load_relaxed()};
}

}  // namespace hakmem
