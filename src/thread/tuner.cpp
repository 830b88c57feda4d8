#include "thread/tuner.hpp"

#include "config/live_knobs.hpp"
#include "learn/bundle_threshold.hpp"
#include "learn/hill_climber.hpp"
#include "pages/run_store.hpp"
#include "thread/price.hpp"
#include "thread/registry.hpp"

namespace hakmem {

namespace {

using learn::HillClimber;

constexpr std::uint64_t kTuneMs = 100;
constexpr std::uint64_t kBundlesMs = 1000;

// With more heaps than this their sums are taken less often, so that the share of CPU stays.
constexpr std::uint32_t kHeapsAtOnce = 256;

// An interval with less work says nothing about the knobs.
constexpr std::uint64_t kLeastBlocks = 2000;

constexpr std::size_t kLeastBox = 64 * kKiB;
constexpr HillClimber::Knob kRanges[kClimbedKnobs] = {
    {0, 6, 2},  // depot: kLeastBox << level
    {0, 6, 2},  // inbox: the same
    {0, 5, 2},  // attached slabs: 1 << level
    {0, 3, 2},  // growth divisor: 8 >> level
};

// A child forked in the middle of a step has a level out of range, perhaps.
constexpr std::uint64_t value_of(unsigned knob, int level) {
  const HillClimber::Knob& range = kRanges[knob];
  level = level < range.least ? range.least : level > range.most ? range.most : level;
  switch (static_cast<KnobId>(knob)) {
    case KnobId::kDepot:
    case KnobId::kInbox:
      return kLeastBox << level;
    case KnobId::kAttached:
      return std::uint64_t{1} << level;
    case KnobId::kGrowth:
      return std::uint64_t{8} >> level;
  }
  return 0;
}
static_assert(value_of(0, kRanges[0].level) == knobs::kDepotBytes);
static_assert(value_of(1, kRanges[1].level) == knobs::kInboxBytes);
static_assert(value_of(2, kRanges[2].level) == knobs::kAttachedSlabs);
static_assert(value_of(3, kRanges[3].level) == knobs::kGrowthDivisor);

struct Sums {
  std::uint64_t events[kSlowWorks] = {};
  std::uint64_t sampled[kSlowWorks] = {};
  std::uint64_t sampled_ns[kSlowWorks] = {};
  std::uint64_t blocks = 0;
  std::uint64_t growth_ns = 0;  // taken by new regions
  std::size_t idle_bytes = 0;   // of blocks, and of the page map for address space
};

struct BundleSums {
  std::uint32_t sent[kClasses] = {};
  unsigned open[kClasses] = {};
};

// What reports read: each a number of its own.
struct KnobRecord {
  Atomic<std::uint32_t> kept;
  Atomic<KnobReason> reason;
  Atomic<int> per_mille;
};

class Tuner {
 public:
  Tuner() : climber_(kRanges, kClimbedKnobs) {}

  void tune(std::uint64_t now_ms);

 private:
  void add(Sums& sums, const Heap& heap) const;
  void take_stock(std::uint64_t now_ms);
  double bill_of(const Sums& sums, std::uint64_t now_ms);
  void climb(double bill);
  void set_bundles(double seconds);

  double price_ = 0;  // in force since the last tune
  HillClimber climber_;
  std::uint64_t tuned_at_ms_ = 0;
  std::uint64_t bundles_at_ms_ = 0;
  Sums last_;
  BundleSums last_bundles_;
};

alignas(Tuner) std::byte tuner_memory[sizeof(Tuner)];
constinit Tuner* tuner = nullptr;
constinit Atomic<bool> at_work{false};
constinit Atomic<std::uint64_t> next_ms{0};

constinit KnobRecord records[kClimbedKnobs];
constinit Atomic<bool> settled{false};
constinit Atomic<std::uint32_t> changes{0};
constinit Atomic<std::uint32_t> bundle_changes{0};
constinit Atomic<double> bill_cpu_s{0};
constinit Atomic<double> bill_memory_s{0};

template <typename Visit>
void for_each_thread_heap(Visit visit) {
  for (auto id = static_cast<std::uint32_t>(kFirstHeap); id < owner_count(); ++id) {
    const Heap* heap = heap_of(OwnerId{id});
    if (heap != nullptr && !heap->is_users()) visit(*heap);
  }
}

std::uint64_t interval_ms() { return kTuneMs * (1 + owner_count() / kHeapsAtOnce); }

void Tuner::add(Sums& sums, const Heap& heap) const {
  const SlowCounts& counts = heap.slow_counts();
  for (unsigned i = 0; i < kSlowWorks; ++i) {
    sums.events[i] += counts.works[i].events.load_relaxed();
    sums.sampled[i] += counts.works[i].sampled.load_relaxed();
    sums.sampled_ns[i] += counts.works[i].sampled_ns.load_relaxed();
  }
  sums.blocks += counts.blocks.load_relaxed();
  sums.idle_bytes += heap.spare_bytes() + heap.mail_bytes() + counts.attached_free.load_relaxed() +
                     counts.open_bytes.load_relaxed();
}

// Seconds of CPU on slow paths since the last time, at the mean cost of the samples so far, what new
// regions took, and the price of what was idle.
double Tuner::bill_of(const Sums& sums, std::uint64_t now_ms) {
  double cpu_s = static_cast<double>(sums.growth_ns - last_.growth_ns) * 1e-9;
  for (unsigned i = 0; i < kSlowWorks; ++i) {
    if (sums.sampled[i] == 0) continue;
    const double ns =
        static_cast<double>(sums.sampled_ns[i]) / static_cast<double>(sums.sampled[i]);
    cpu_s += static_cast<double>(sums.events[i] - last_.events[i]) * ns * 1e-9;
  }
  const double seconds = static_cast<double>(now_ms - tuned_at_ms_) * 1e-3;
  const double memory_s =
      price_ * static_cast<double>(sums.idle_bytes) / static_cast<double>(kGiB) * seconds;
  bill_cpu_s.store_relaxed(bill_cpu_s.load_relaxed() + cpu_s);
  bill_memory_s.store_relaxed(bill_memory_s.load_relaxed() + memory_s);
  return cpu_s + memory_s;
}

KnobReason reason_of(HillClimber::Step step) {
  switch (step) {
    case HillClimber::Step::kSwitched:
      return KnobReason::kTrial;
    case HillClimber::Step::kKept:
      return KnobReason::kCheaper;
    case HillClimber::Step::kDearer:
      return KnobReason::kDearer;
    default:
      return KnobReason::kNoDifference;
  }
}

void publish(const HillClimber& climber) {
  const auto value = [&](KnobId id) {
    const auto i = static_cast<unsigned>(id);
    return value_of(i, climber.level(i));
  };
  live_knobs.depot_bytes.store_relaxed(value(KnobId::kDepot));
  live_knobs.inbox_bytes.store_relaxed(value(KnobId::kInbox));
  live_knobs.attached_slabs.store_relaxed(static_cast<std::uint32_t>(value(KnobId::kAttached)));
  live_knobs.growth_divisor.store_relaxed(static_cast<std::uint32_t>(value(KnobId::kGrowth)));
  settled.store_relaxed(climber.is_settled());
}

void Tuner::climb(double bill) {
  const unsigned knob = climber_.trial_knob();
  const HillClimber::Step step = climber_.observe(bill);
  if (step == HillClimber::Step::kNone) return;
  publish(climber_);
  changes.fetch_add_relaxed(step == HillClimber::Step::kSwitched ? 1 : 0);
  if (step == HillClimber::Step::kWoke) return;
  KnobRecord& record = records[knob];
  record.reason.store_relaxed(reason_of(step));
  if (step == HillClimber::Step::kSwitched) return;
  record.per_mille.store_relaxed(static_cast<int>(climber_.difference() * 1000));
  if (step == HillClimber::Step::kKept) record.kept.fetch_add_relaxed(1);
}

void Tuner::take_stock(std::uint64_t now_ms) {
  Sums sums;
  sums.growth_ns = run_store.growth_ns();
  sums.idle_bytes = depots.held_bytes() + run_store.mapped_bytes() / kGranuleBytes * sizeof(Tag);
  for_each_thread_heap([&](const Heap& heap) { add(sums, heap); });
  const std::uint64_t blocks = sums.blocks - last_.blocks;
  const double bill = bill_of(sums, now_ms);
  last_ = sums;
  if (blocks >= kLeastBlocks) climb(bill / static_cast<double>(blocks));
}

BundleSums sum_bundles() {
  BundleSums sums;
  for_each_thread_heap([&](const Heap& heap) {
    for (std::size_t i = 0; i < kClasses; ++i) {
      sums.sent[i] += heap.slow_counts().sent[i].load_relaxed();
      sums.open[i] += heap.slow_counts().open[i].load_relaxed();
    }
  });
  return sums;
}

// Of one bundle, by the samples so far: sent, and taken.
double hand_over_s(const Sums& sums) {
  double ns = 0;
  for (const SlowWork work : {SlowWork::kHandOver, SlowWork::kTakeOver}) {
    const auto i = static_cast<unsigned>(work);
    if (sums.sampled[i] == 0) return learn::kUsualHandOverS;
    ns += static_cast<double>(sums.sampled_ns[i]) / static_cast<double>(sums.sampled[i]);
  }
  return ns * 1e-9;
}

void Tuner::set_bundles(double seconds) {
  const BundleSums sums = sum_bundles();
  const double cost_s = hand_over_s(last_);
  for (std::size_t i = 0; i < kClasses; ++i) {
    const ClassId c{static_cast<std::uint8_t>(i)};
    const unsigned most = magazine_capacity(c);
    const unsigned now = live_knobs.bundle_limit(c, most);
    const learn::BundleUse use{(sums.sent[i] - last_bundles_.sent[i]) / seconds, sums.open[i]};
    const unsigned next = learn::next_bundle(now, use, kClassSize[i], most, price_, cost_s);
    if (next == now) continue;
    live_knobs.bundle_blocks[i].store_relaxed(static_cast<std::uint16_t>(next));
    bundle_changes.fetch_add_relaxed(1);
  }
  last_bundles_ = sums;
}

void Tuner::tune(std::uint64_t now_ms) {
  price_ = price_now();
  cache_budget.raise_bound(os::places.cpus() * knobs::kSpareBytesPerCpu);  // known once there are threads
  if (tuned_at_ms_ != 0) take_stock(now_ms);
  tuned_at_ms_ = now_ms;
  if (now_ms - bundles_at_ms_ < kBundlesMs) return;
  set_bundles(static_cast<double>(now_ms - bundles_at_ms_) * 1e-3);
  bundles_at_ms_ = now_ms;
}

}  // namespace

void boot_tuner(bool adapt, unsigned cpus) {
  if (!adapt) return;
  tuner = new (tuner_memory) Tuner;
  cache_budget.raise_bound(cpus * knobs::kSpareBytesPerCpu);
  live_knobs.adapt = true;
}

void tune(std::uint64_t now_ms) {
  if (tuner == nullptr || now_ms < next_ms.load_relaxed()) return;
  if (at_work.exchange_acquire(true)) return;  // pairs with the release below
  tuner->tune(now_ms);
  next_ms.store_relaxed(now_ms + interval_ms());
  at_work.store_release(false);  // pairs with the exchange above
}

void forget_tuner() {
  if (at_work.load_relaxed()) tuner = new (tuner_memory) Tuner;  // it was in the middle of something
  at_work.store_relaxed(false);
}

KnobState knob_state(KnobId knob) {
  const auto i = static_cast<unsigned>(knob);
  const std::uint64_t values[kClimbedKnobs] = {
      live_knobs.depot_bytes.load_relaxed(), live_knobs.inbox_bytes.load_relaxed(),
      live_knobs.attached_slabs.load_relaxed(), live_knobs.growth_divisor.load_relaxed()};
  return {values[i], value_of(i, kRanges[i].level), records[i].kept.load_relaxed(),
          records[i].reason.load_relaxed(), records[i].per_mille.load_relaxed()};
}

TunerState tuner_state() {
  std::uint32_t cold = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    const ClassId c{static_cast<std::uint8_t>(i)};
    cold += live_knobs.bundle_limit(c, magazine_capacity(c)) < magazine_capacity(c) ? 1 : 0;
  }
  return {settled.load_relaxed(),        changes.load_relaxed(),
          bundle_changes.load_relaxed(), cold,
          bill_cpu_s.load_relaxed(),     bill_memory_s.load_relaxed()};
}

}  // namespace hakmem
