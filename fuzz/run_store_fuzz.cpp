// Run store: allocate, release, extend, shrink and purge against a model, with a kernel that
// refuses at times.
//
// After every step the store's own invariants hold, runs in use do not overlap, every granule in
// use carries the stamp of its run, and what is said to be zeroed reads zero.
#include "pages/run_store.hpp"

#include <map>

#include "input.hpp"
#include "os/clock.hpp"
#include "os/memory_fake.hpp"

namespace {

using namespace hakmem;

std::uint64_t& first_word(Granule g) { return *reinterpret_cast<std::uint64_t*>(address_of(g)); }

// Nothing but stamps is ever written.
bool reads_zero(const Run* run) {
  for (std::uint64_t i = 0; i < count_of(run->count); ++i) {
    if (first_word(run->first + i) != 0) return false;
  }
  return true;
}

class Model {
 public:
  explicit Model(fuzz::Input input) : input_(input), in_use_before_(run_store.use().in_use_bytes()) {}

  void run() {
    while (!input_.used_up()) {
      step();
      check();
    }
    os::fake_memory.refuse_map.store_relaxed(false);
    os::fake_memory.refuse_discard.store_relaxed(false);
    while (!used_.empty()) release(used_.begin());
    check();
  }

 private:
  struct Use {
    Run* run;
    std::uint64_t stamp;
  };
  using Used = std::map<std::uint64_t, Use>;  // by first granule

  void step() {
    switch (input_.below(12)) {
      case 0:
        return purge();
      case 1:
        return os::fake_memory.refuse_map.store_relaxed(input_.one_in(2));
      case 2:
        return os::fake_memory.refuse_discard.store_relaxed(input_.one_in(4));
      case 3:
        return os::advance_clock_for_test(input_.below(3000));
      case 4:
      case 5:
        return extend();
      case 6:
        return shrink();
      case 7:
      case 8:
        return used_.empty() ? void() : release(any());
      default:
        return used_.size() < 50 ? allocate() : release(any());
    }
  }

  void check() {
    FUZZ_CHECK(run_store.check_invariants());
    FUZZ_CHECK(run_store.use().in_use_bytes() == in_use_before_ + granules_ * kGranuleBytes);
  }

  Used::iterator any() {
    return std::next(used_.begin(), static_cast<std::ptrdiff_t>(input_.below(used_.size())));
  }

  // Nothing of the model begins in [first, first + count), and its left neighbour ends before.
  bool is_unused(std::uint64_t first, std::uint64_t count) const {
    const auto right = used_.lower_bound(first);
    if (right != used_.end() && right->first < first + count) return false;
    if (right == used_.begin()) return true;
    const auto left = std::prev(right);
    return left->first + count_of(left->second.run->count) <= first;
  }

  static void stamp(const Use& use, std::uint64_t from) {
    for (std::uint64_t i = from; i < count_of(use.run->count); ++i)
      first_word(use.run->first + i) = use.stamp;
  }

  static void check_stamps(const Use& use) {
    for (std::uint64_t i = 0; i < count_of(use.run->count); ++i) {
      FUZZ_CHECK(first_word(use.run->first + i) == use.stamp);
      FUZZ_CHECK(page_map.tag_of(use.run->first + i) == tag_for(Kind::kBusy));
    }
  }

  void allocate() {
    const std::uint64_t count = 1 + input_.below(input_.one_in(8) ? 600 : 40);
    const std::uint64_t alignment = std::uint64_t{1} << (input_.one_in(4) ? input_.below(9) : 0);
    const AllocatedRun got = run_store.allocate(Granules{count}, Granules{alignment});
    if (got.run == nullptr) {
      FUZZ_CHECK(os::fake_memory.refuse_map.load_relaxed());
      return;
    }
    const std::uint64_t first = index_of(got.run->first);
    FUZZ_CHECK(first % alignment == 0);
    FUZZ_CHECK(count_of(got.run->count) == count);
    FUZZ_CHECK(is_unused(first, count));
    FUZZ_CHECK(!got.zeroed || reads_zero(got.run));
    const Use use{got.run, ++stamps_};
    stamp(use, 0);
    used_[first] = use;
    granules_ += count;
  }

  void release(Used::iterator chosen) {
    const Use use = chosen->second;
    check_stamps(use);
    granules_ -= count_of(use.run->count);
    used_.erase(chosen);
    run_store.release(use.run);
  }

  void extend() {
    if (used_.empty()) return;
    const Use use = any()->second;
    const std::uint64_t old = count_of(use.run->count);
    const std::uint64_t wanted = old + 1 + input_.below(60);
    if (!run_store.extend(use.run, Granules{wanted}, tag_for(Kind::kBusy))) {
      FUZZ_CHECK(count_of(use.run->count) == old);
      return;
    }
    FUZZ_CHECK(count_of(use.run->count) == wanted);
    const auto right = used_.upper_bound(index_of(use.run->first));
    FUZZ_CHECK(right == used_.end() || right->first >= index_of(use.run->first) + wanted);
    stamp(use, old);
    check_stamps(use);
    granules_ += wanted - old;
  }

  void shrink() {
    if (used_.empty()) return;
    const Use use = any()->second;
    const std::uint64_t old = count_of(use.run->count);
    if (old == 1) return;
    run_store.shrink(use.run, Granules{1 + input_.below(old - 1)});
    granules_ -= old - count_of(use.run->count);
    check_stamps(use);
  }

  void purge() {
    const bool all = input_.one_in(3);
    run_store.purge(os::now_ms(), all);
    const bool refused = os::fake_memory.refuse_discard.load_relaxed();
    FUZZ_CHECK(!all || refused || run_store.use().dirty_bytes == 0);
  }

  fuzz::Input input_;
  Used used_;
  std::uint64_t stamps_ = 0;
  std::uint64_t granules_ = 0;
  std::size_t in_use_before_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (!os::fake_memory_in_force()) os::use_fake_memory(os::memory.page_size);
  Model({bytes, size}).run();
  FUZZ_CHECK(os::fake_memory.misaligned.load_relaxed() == 0);
  return 0;
}
