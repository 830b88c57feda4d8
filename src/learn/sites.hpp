// Sites: splits a size class by call site where its idle times fall into two groups.
//
//   log2 of idle time, mean by site     s1 s4 s2        |          s3 s5
//                                       group 0     threshold    group 1
//
// The site of an idle block is the one that had it last. A class is split where the widest gap
// between its sites' means is at least kSplitGap doublings, and merged back when it is below
// kMergeGap. Sites seen less than kEnough times are in group 0.
//
// The table is bounded: a site that finds no entry takes the one of its probes that was seen least,
// so sites that matter stay.
// Above: learner. Below: contexts, approximate. Any thread may ask group_of() and is_split(): who asks
// while a site's place goes to another one may get that one's group. The rest is for one caller at a time.
#pragma once

#include "base/atomics.hpp"
#include "learn/contexts.hpp"
#include "learn/regret.hpp"

namespace hakmem::learn {

using Site = std::uint32_t;

class SiteTable {
 public:
  SiteTable();

  static constexpr std::size_t kEntries = 128;
  static constexpr float kSplitGap = 4;
  static constexpr float kMergeGap = 2;
  static constexpr std::uint16_t kEnough = 8;

  // A block that `site` had was idle for idle_s and then reused; the arms' bills for that, and the
  // arm that was in force.
  void observe(unsigned size_class, Site site, double idle_s, const Bills& bills, ArmId in_force);

  // What is known from before: the mean of log2 of the idle seconds. Classes are divided by it when
  // all has been told.
  void remember(unsigned size_class, Site site, float mean, std::uint64_t seen);
  void divide_all();

  unsigned group_of(unsigned size_class, Site site) const;
  struct Seen {
    unsigned size_class;
    Site site;
    unsigned group;
    float mean;  // of log2 of the idle seconds
    const RegretAccount& regret;
  };

  // Calls visit(Seen) for every site that is known here.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kEntries; ++i) {
      const Key key = entry_[i].key();
      if (key.seen == 0) continue;
      visit(Seen{key.size_class, key.site, group_of(key.size_class, key.site), entry_[i].mean.load_relaxed(),
                 regret_[i]});
    }
  }

  bool is_split(unsigned size_class) const { return threshold_[size_class].load_relaxed() != kWhole; }

 private:
  // Aligned as a word of its length: clang calls a library for an atomic one that is not.
  struct alignas(8) Key {
    Site site;
    std::uint16_t size_class;
    std::uint16_t seen;  // 0: unused
  };

  struct Entry {
    Atomic<Key> packed;
    Atomic<float> mean;  // of log2 of the idle seconds, over about the last kMemory

    Key key() const { return packed.load_relaxed(); }
    void set(const Key& key, float mean_log2) {
      packed.store_relaxed(key);
      mean.store_relaxed(mean_log2);
    }
  };

  static constexpr std::size_t kProbes = 8;
  static constexpr std::uint16_t kMemory = 32;
  static constexpr float kWhole = 1000;  // a threshold above every mean: not split

  static std::size_t first_probe(unsigned size_class, Site site);
  const Entry* find(unsigned size_class, Site site) const;
  Entry& find_or_take(unsigned size_class, Site site);
  std::size_t sorted_means(unsigned size_class, float* means) const;
  void divide(unsigned size_class);

  Entry entry_[kEntries];
  RegretAccount regret_[kEntries];
  Atomic<float> threshold_[kLargeClasses];
  std::uint16_t since_check_[kLargeClasses] = {};
};

}  // namespace hakmem::learn
