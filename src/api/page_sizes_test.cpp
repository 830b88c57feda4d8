// Page sizes and refusals: the whole allocator on the fake OS layer, each time in a fresh process.
//
// The table of system functions is chosen at boot, so every case runs in a child that starts anew
// with FAKE_PAGE_SIZE in its environment. A child says what went wrong on stderr and exits with 1.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "hakmem/hakmem.h"
#include "os/memory_fake.hpp"
#include "pages/metadata.hpp"
#include "pages/run_store.hpp"
#include "thread/heap_fixture.hpp"

namespace hakmem {
namespace {

using os::fake_memory;

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::_Exit(1);
}

// Blocks of random sizes, checked by a byte at both ends; whatever is refused must say ENOMEM.
class Workload {
 public:
  explicit Workload(unsigned seed) : random_(seed), blocks_(200) {}
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  ~Workload() {
    for (Block& block : blocks_) drop(block);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Block& block = blocks_[random_() % blocks_.size()];
      if (block.start == nullptr) fill(block);
      else if (random_() % 3 == 0) resize(block);
      else drop(block);
      if (i % 500 == 499) hak_trim();
    }
  }

  int refused() const { return refused_; }

 private:
  struct Block {
    unsigned char* start = nullptr;
    std::size_t bytes = 0;
    unsigned char mark = 0;
  };

  // Mostly small, sometimes large, seldom huge.
  std::size_t any_size() {
    const unsigned bits = random_() % 50 == 0 ? 27 : random_() % 4 == 0 ? 22 : 14;
    return 1 + random_() % (std::size_t{1} << (1 + random_() % bits));
  }

  void check(const Block& block) const {
    require(block.start[0] == block.mark && block.start[block.bytes - 1] == block.mark, "a block keeps its contents");
  }

  void put(Block& block, void* start, std::size_t bytes) {
    if (start == nullptr) {
      ++refused_;
      require(errno == ENOMEM, "a refusal says ENOMEM");
      return;
    }
    block = {static_cast<unsigned char*>(start), bytes, static_cast<unsigned char>(random_())};
    require(hak_usable_size(start) >= bytes, "a block holds what was asked");
    block.start[0] = block.start[bytes - 1] = block.mark;
  }

  void fill(Block& block) {
    const std::size_t bytes = any_size();
    errno = 0;
    if (random_() % 8 == 0) {
      const std::size_t alignment = std::size_t{16} << random_() % 14;
      void* start = hak_aligned_alloc(alignment, bytes);
      require(reinterpret_cast<std::uintptr_t>(start) % alignment == 0, "alignment");
      put(block, start, bytes);
    } else if (random_() % 4 == 0) {
      auto* start = static_cast<unsigned char*>(hak_calloc(1, bytes));
      require(start == nullptr || (start[0] == 0 && start[bytes / 2] == 0 && start[bytes - 1] == 0), "calloc is zero");
      put(block, start, bytes);
    } else {
      put(block, hak_malloc(bytes), bytes);
    }
  }

  void resize(Block& block) {
    check(block);
    const std::size_t bytes = random_() % 2 == 0 ? block.bytes + block.bytes / 2 + 1 : any_size();
    errno = 0;
    auto* moved = static_cast<unsigned char*>(hak_realloc(block.start, bytes));
    if (moved != nullptr) require(moved[0] == block.mark, "realloc keeps contents");
    if (moved != nullptr && bytes >= block.bytes) require(moved[block.bytes - 1] == block.mark, "to the last byte");
    put(block, moved, bytes);
  }

  void drop(Block& block) {
    if (block.start == nullptr) return;
    check(block);
    hak_free(block.start);
    block = {};
  }

  std::mt19937_64 random_;
  std::vector<Block> blocks_;
  int refused_ = 0;
};

[[noreturn]] void finish() {
  require(os::fake_memory_in_force(), "the fake was installed before boot");
  require(fake_memory.misaligned.load_relaxed() == 0, "every address and size fits the page size");
  require(run_store.check_invariants(), "the run store's invariants");
  std::_Exit(0);
}

[[noreturn]] void use_everything() {
  Workload(1).run(4000);
  from_another_thread([] { Workload(2).run(2000); });
  hak_heap_t* heap = hak_heap_create();
  for (std::size_t n = 16; n < (std::size_t{1} << 26); n *= 3) require(hak_heap_malloc(heap, n) != nullptr, "heap");
  hak_heap_destroy(heap);
  hak_trim();
  require(run_store.use().dirty_bytes == 0, "trim returns everything");
  require(fake_memory.maps.load_relaxed() > 0 && fake_memory.unmaps.load_relaxed() > 0, "maps and unmaps");
  require(fake_memory.discards.load_relaxed() > 0 && fake_memory.moves.load_relaxed() > 0, "releases and moves");
  finish();
}

[[noreturn]] void live_with_refused_releases() {
  fake_memory.refuse_discard.store_relaxed(true);
  for (const std::size_t most_moved : {std::size_t{0}, std::size_t{1} << 20}) {
    fake_memory.most_moved.store_relaxed(most_moved);
    fake_memory.moves.store_relaxed(0);
    Workload work(3);
    work.run(4000);
    require(work.refused() == 0, "neither costs an allocation");
    require(fake_memory.moves.load_relaxed() > 0, "a move was tried");
  }
  finish();
}

// What is there goes on being used; what is not is refused; afterwards everything works again.
[[noreturn]] void run_out_of_memory() {
  Workload before(4);
  before.run(1000);
  fake_memory.refuse_map.store_relaxed(true);
  Workload during(5);
  during.run(3000);
  before.run(3000);
  require(during.refused() + before.refused() > 0, "no huge block without a mapping");
  errno = 0;
  require(hak_malloc(std::size_t{1} << 28) == nullptr && errno == ENOMEM, "ENOMEM for a huge block");
  require(hak_calloc(1, std::size_t{1} << 28) == nullptr, "and for calloc");
  fake_memory.refuse_map.store_relaxed(false);
  Workload after(6);
  after.run(2000);
  require(after.refused() == 0, "memory is back");
  finish();
}

// The allocator's own records run out first: runs cannot be split, magazines and heaps not be made.
[[noreturn]] void run_out_of_metadata() {
  std::vector<void*> held(3000);
  for (void*& block : held) block = hak_malloc(100);
  void* const large = hak_malloc(200'000);
  hak_free(hak_malloc(std::size_t{20} << 20));
  fake_memory.refuse_map.store_relaxed(true);
  while (metadata_allocate(kCacheLine) != nullptr) {
  }
  Workload during(7);
  during.run(3000);
  const unsigned heaps = live_heaps();
  bool got_heap = true;
  from_another_thread([&] {  // neither allocates nor crashes, and its frees come home
    got_heap = hak_malloc(24) != nullptr;
    for (void* block : held) hak_free(block);
    hak_free(large);
  });
  require(got_heap || live_heaps() == heaps, "a thread without a heap is no live one");
  require(hak_heap_create() == nullptr, "no user's heap without a record");
  hak_trim();
  require(run_store.check_invariants(), "the run store's invariants while records are out");
  fake_memory.refuse_map.store_relaxed(false);
  Workload after(8);
  after.run(2000);
  require(after.refused() == 0, "memory is back");
  finish();
}

class PageSizesDeathTest : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    setenv("FAKE_PAGE_SIZE", std::to_string(GetParam()).c_str(), 1);
  }
  void TearDown() override { unsetenv("FAKE_PAGE_SIZE"); }
};
INSTANTIATE_TEST_SUITE_P(KiB, PageSizesDeathTest, testing::Values(4 * kKiB, 16 * kKiB, 64 * kKiB),
                         [](const auto& tested) { return std::to_string(tested.param / kKiB); });

TEST_P(PageSizesDeathTest, EveryRequestFitsThePageSize) {
  EXPECT_EXIT(use_everything(), testing::ExitedWithCode(0), "");
}

TEST_P(PageSizesDeathTest, RefusedReleasesAndMovesAreNoFailure) {
  EXPECT_EXIT(live_with_refused_releases(), testing::ExitedWithCode(0), "");
}

TEST_P(PageSizesDeathTest, RefusedMappingsAreEnomem) {
  EXPECT_EXIT(run_out_of_memory(), testing::ExitedWithCode(0), "");
}

TEST_P(PageSizesDeathTest, MetadataMayRunOut) {
  EXPECT_EXIT(run_out_of_metadata(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hakmem
