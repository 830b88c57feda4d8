// Slabs and shards: make, attach, take, return and detach by three heaps against a model of which
// blocks are out.
//
// One thread, so that the model knows exactly what must hold after every step; races are what
// slab_test.cpp is for.
//   - a block is handed out once until it comes home, and lies in the slab that it was taken from;
//   - a slab's number of free slots is what is not out;
//   - a slab lives as long as it is attached or a block of it is out, and no longer;
//   - a shard has a slab to attach if, and only if, the model knows one;
//   - no cache line holds blocks that two heaps have out.
#include <algorithm>
#include <map>
#include <vector>

#include "input.hpp"
#include "pages/run_store.hpp"
#include "slabs/slab_shard.hpp"

namespace {

using namespace hakmem;

constexpr std::size_t kHeaps = 3;
constexpr std::size_t kSizes[] = {16, 48, 64, 80, 1024, 5120, 32768};

constinit SlabShard shards[2];
constinit char heap_marks[kHeaps];

bool is_live(const Slab* slab) { return (slab->state.load_acquire() & Slab::kLive) != 0; }

class Model {
 public:
  explicit Model(fuzz::Input input)
      : input_(input),
        class_(class_of(kSizes[input_.below(std::size(kSizes))])),
        in_use_before_(run_store.use().in_use_bytes()) {}

  void run() {
    while (!input_.used_up()) {
      step();
      check();
    }
    while (!out_.empty()) bring_home(out_.size());
    for (const auto& [slab, known] : std::map(slabs_)) {
      if (known.heap < kHeaps) end_attachment(slab);
    }
    check();
    FUZZ_CHECK(slabs_.empty());
    FUZZ_CHECK(run_store.use().in_use_bytes() == in_use_before_);
  }

 private:
  struct Known {
    std::size_t heap;  // that it is attached to; kHeaps: none
    std::size_t shard;
    unsigned out = 0;
  };
  struct Out {
    std::uintptr_t block;
    Slab* slab;
    std::size_t heap;
  };

  static OwnerId owner(std::size_t heap) {
    return OwnerId{static_cast<std::uint32_t>(7000 + heap)};
  }

  void step() {
    const std::size_t heap = input_.below(kHeaps);
    switch (input_.below(8)) {
      case 0:
        return slabs_.size() < 12 ? make(heap) : attach(heap);
      case 1:
        return attach(heap);
      case 2:
        return input_.one_in(2) ? attach(heap) : attach_of_bin(heap);
      case 3:
        return detach_one();
      case 4:
      case 5:
        return bring_home(1 + input_.below(200));
      default:
        return take(heap);
    }
  }

  void check() {
    for (const auto& [slab, known] : slabs_) {
      FUZZ_CHECK(is_live(slab));
      FUZZ_CHECK(slab->free_slots() + known.out == slab->shape().slots);
      FUZZ_CHECK((known.heap < kHeaps) == (slab->attached_to.load_relaxed() != nullptr));
    }
    check_lines();
  }

  void check_lines() const {
    std::map<std::uintptr_t, std::size_t> holder;
    for (const Out& out : out_) {
      const std::uintptr_t last = (out.block + size_of(class_) - 1) / kCacheLine;
      for (std::uintptr_t line = out.block / kCacheLine; line <= last; ++line) {
        FUZZ_CHECK(holder.try_emplace(line, out.heap).first->second == out.heap);
      }
    }
  }

  void make(std::size_t heap) {
    const std::size_t shard = input_.below(2);
    Slab* slab = make_slab(class_, owner(heap), &shards[shard], os::Node{0}, &heap_marks[heap]).slab;
    FUZZ_CHECK(slab != nullptr);
    FUZZ_CHECK(slabs_.try_emplace(slab, Known{heap, shard}).second);
  }

  bool may_be_attached(const Slab* slab, const Known& known, std::size_t shard, unsigned least_bin, unsigned most_bin) const {
    const unsigned slots = slab->shape().slots;
    const unsigned free = slots - known.out;
    return known.heap == kHeaps && known.shard == shard && free > 0 && fullness_bin(free, slots) >= least_bin && fullness_bin(free, slots) <= most_bin;
  }

  void attach(std::size_t heap) {
    const std::size_t from = input_.below(2);
    const std::size_t to = input_.below(2);
    const bool roomy = input_.one_in(2);
    const unsigned least_bin = roomy ? shape_of(class_).line_group == 1 ? 2 : 3 : 0;
    check_attached(heap, from, to, least_bin, SlabShard::kBins - 1, [&] {
      return shards[from].attach(class_, owner(heap), &shards[to], &heap_marks[heap], roomy);
    });
  }

  void attach_of_bin(std::size_t heap) {
    const std::size_t shard = input_.below(2);
    const auto bin = static_cast<unsigned>(input_.below(SlabShard::kBins));
    check_attached(heap, shard, shard, bin, bin, [&] { return shards[shard].attach_of_bin(class_, bin, owner(heap), &heap_marks[heap]); });
  }

  template <typename Attach>
  void check_attached(std::size_t heap, std::size_t from, std::size_t to, unsigned least_bin, unsigned most_bin, Attach attach_one) {
    const auto fits = [&](const auto& entry) { return may_be_attached(entry.first, entry.second, from, least_bin, most_bin); };
    const bool expected = std::any_of(slabs_.begin(), slabs_.end(), fits);
    Slab* slab = attach_one();
    FUZZ_CHECK((slab != nullptr) == expected);
    if (slab == nullptr) return;
    const auto entry = slabs_.find(slab);
    FUZZ_CHECK(entry != slabs_.end() && fits(*entry));
    FUZZ_CHECK(page_map.tag_of(slab->base) == tag_for(owner(heap), class_));
    entry->second.heap = heap;
    entry->second.shard = to;
  }

  void take(std::size_t heap) {
    const unsigned wanted = static_cast<unsigned>(input_.below(300));
    for (auto& [slab, known] : slabs_) {
      if (known.heap == heap) return take_from(slab, known, wanted);
    }
  }

  void take_from(Slab* slab, Known& known, unsigned wanted) {
    std::vector<std::uintptr_t> blocks(wanted + kCacheLine / kMinAlign);
    const unsigned taken = slab->take(wanted, blocks.data());
    FUZZ_CHECK(taken <= wanted);
    FUZZ_CHECK(slab->mixed || taken == std::min(wanted, slab->shape().slots - known.out));
    for (unsigned i = 0; i < taken; ++i) {
      const std::uintptr_t block = blocks[i];
      FUZZ_CHECK(slab->slot_of(block) < slab->shape().slots &&
                 slab->block_at(slab->slot_of(block)) == block);
      FUZZ_CHECK(std::none_of(out_.begin(), out_.end(),
                              [&](const Out& out) { return out.block == block; }));
      out_.push_back({block, slab, known.heap});
    }
    known.out += taken;
  }

  // Any `count` blocks, from anywhere, by some heap or by a thread without one.
  void bring_home(std::size_t count) {
    std::vector<std::uintptr_t> blocks;
    std::vector<Slab*> touched;
    for (; count > 0 && !out_.empty(); --count) {
      std::swap(out_[input_.below(out_.size())], out_.back());
      blocks.push_back(out_.back().block);
      touched.push_back(out_.back().slab);
      --slabs_.at(out_.back().slab).out;
      out_.pop_back();
    }
    const std::size_t by = input_.below(kHeaps + 1);
    const void* heap = by < kHeaps ? &heap_marks[by] : nullptr;
    return_blocks(heap, blocks.data(), static_cast<unsigned>(blocks.size()));
    for (Slab* slab : touched) forget_if_done(slab);
  }

  void detach_one() {
    for (const auto& [slab, known] : slabs_) {
      if (known.heap < kHeaps) return end_attachment(slab);
    }
  }

  void end_attachment(Slab* slab) {
    slabs_.at(slab).heap = kHeaps;
    detach(slab);
    forget_if_done(slab);
  }

  void forget_if_done(Slab* slab) {
    const auto entry = slabs_.find(slab);
    if (entry == slabs_.end() || entry->second.heap < kHeaps || entry->second.out > 0) return;
    FUZZ_CHECK(!is_live(slab));
    slabs_.erase(entry);
  }

  fuzz::Input input_;
  ClassId class_;
  std::map<Slab*, Known> slabs_;
  std::vector<Out> out_;
  std::size_t in_use_before_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Model({bytes, size}).run();
  FUZZ_CHECK(run_store.check_invariants());
  return 0;
}
