// See sites.hpp.
#include "learn/sites.hpp"

#include "learn/approximate.hpp"

namespace hakmem::learn {
namespace {

constexpr double kShortest_s = 1e-6;  // shorter idle times are all the same
constexpr std::uint16_t kCheckEvery = 16;

}  // namespace

SiteTable::SiteTable() {
  for (Atomic<float>& threshold : threshold_) threshold.store_relaxed(kWhole);
}

std::size_t SiteTable::first_probe(unsigned size_class, Site site) {
  return (site * 2654435761u + size_class * 40503u) >> 16;  // Knuth's multiplicative hash
}

const SiteTable::Entry* SiteTable::find(unsigned size_class, Site site) const {
  const std::size_t first = first_probe(size_class, site);
  for (std::size_t i = 0; i < kProbes; ++i) {
    const Entry& entry = entry_[(first + i) % kEntries];
    const Key key = entry.key();
    if (key.seen > 0 && key.site == site && key.size_class == size_class) return &entry;
  }
  return nullptr;
}

SiteTable::Entry& SiteTable::find_or_take(unsigned size_class, Site site) {
  if (const Entry* found = find(size_class, site)) return entry_[found - entry_];
  const std::size_t first = first_probe(size_class, site);
  Entry* least = &entry_[first % kEntries];
  for (std::size_t i = 1; i < kProbes; ++i) {
    Entry& entry = entry_[(first + i) % kEntries];
    if (entry.key().seen < least->key().seen) least = &entry;
  }
  least->set({site, static_cast<std::uint16_t>(size_class), 0}, 0);
  regret_[least - entry_] = {};
  return *least;
}

void SiteTable::observe(unsigned size_class, Site site, double idle_s, const Bills& bills,
                        ArmId in_force) {
  Entry& entry = find_or_take(size_class, site);
  regret_[&entry - entry_].add(bills, in_force);
  Key key = entry.key();
  if (key.seen < kMemory) ++key.seen;
  const double seen = approximate_log2(idle_s > kShortest_s ? idle_s : kShortest_s);
  const float mean = entry.mean.load_relaxed();
  entry.set(key, mean + (static_cast<float>(seen) - mean) / static_cast<float>(key.seen));
  if (++since_check_[size_class] < kCheckEvery) return;
  since_check_[size_class] = 0;
  divide(size_class);
}

void SiteTable::remember(unsigned size_class, Site site, float mean, std::uint64_t seen) {
  const std::uint16_t at_most = seen < kMemory ? static_cast<std::uint16_t>(seen) : kMemory;
  find_or_take(size_class, site).set({site, static_cast<std::uint16_t>(size_class), at_most}, mean);
}

void SiteTable::divide_all() {
  for (unsigned c = 0; c < kLargeClasses; ++c) divide(c);
}

std::size_t SiteTable::sorted_means(unsigned size_class, float* means) const {
  std::size_t count = 0;
  for (const Entry& entry : entry_) {
    const Key key = entry.key();
    if (key.seen < kEnough || key.size_class != size_class) continue;
    const float mean = entry.mean.load_relaxed();
    std::size_t at = count++;
    for (; at > 0 && means[at - 1] > mean; --at) means[at] = means[at - 1];
    means[at] = mean;
  }
  return count;
}

void SiteTable::divide(unsigned size_class) {
  float means[kEntries];
  const std::size_t count = sorted_means(size_class, means);
  float widest = 0;
  float middle = kWhole;
  for (std::size_t i = 1; i < count; ++i) {
    if (means[i] - means[i - 1] <= widest) continue;
    widest = means[i] - means[i - 1];
    middle = (means[i] + means[i - 1]) / 2;
  }
  const float needed = is_split(size_class) ? kMergeGap : kSplitGap;
  threshold_[size_class].store_relaxed(widest >= needed ? middle : kWhole);
}

unsigned SiteTable::group_of(unsigned size_class, Site site) const {
  if (!is_split(size_class)) return 0;
  const Entry* entry = find(size_class, site);
  if (entry == nullptr || entry->key().seen < kEnough) return 0;
  return entry->mean.load_relaxed() > threshold_[size_class].load_relaxed() ? 1 : 0;
}

}  // namespace hakmem::learn
