// How much memory is still held a short while after it was freed, when nobody reminds the
// allocator.
//
// Bounds are in MiB of the whole process, test framework included, so each test must run in a
// process of its own, as ctest does. No bound is on time: a test waits up to three seconds for
// memory to go, and ends as soon as it has gone. While it waits, no thread calls the allocator.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <thread>
#include <vector>

#include "hakmem/stats.h"
#include "support/opaque.hpp"
#include "support/resident.hpp"

namespace {

using support::kMiB;
using support::opaque;

constexpr std::size_t kBound = 64;  // MiB
constexpr int kSeconds = 3;

// Blocks chained through their first word, so that a million of them need no table.
class Chain {
 public:
  void add(std::size_t size) {
    auto* const link = static_cast<Link*>(std::malloc(opaque(size)));
    std::memset(link, 1, size);
    link->next = first_;
    first_ = link;
  }
  // Adds blocks until they are `total` bytes; sizes go round from `smallest`, doubling, to
  // `largest`.
  void add_all(std::size_t total, std::size_t smallest, std::size_t largest) {
    for (std::size_t size = smallest; total >= size;
         size = size * 2 > largest ? smallest : size * 2) {
      add(size);
      total -= size;
    }
  }
  void free_all() {
    while (first_ != nullptr) {
      Link* const next = first_->next;
      std::free(first_);
      first_ = next;
    }
  }

 private:
  struct Link {
    Link* next;
  };
  Link* first_ = nullptr;
};

struct Sizes {
  std::size_t smallest;
  std::size_t largest;
};

void PrintTo(const Sizes& sizes, std::ostream* out) {
  *out << sizes.smallest << "_to_" << sizes.largest;
}

class HeldMemory : public testing::TestWithParam<Sizes> {};

// The producer allocates 1 GiB and sleeps; a consumer frees it all. Nobody calls the allocator
// after that.
TEST_P(HeldMemory, SleepingProducer) {
  Chain chain;
  std::latch produced(1);
  std::latch tested(1);
  std::thread producer([&] {
    chain.add_all(1024 * kMiB, GetParam().smallest, GetParam().largest);
    produced.count_down();
    tested.wait();
  });
  produced.wait();
  EXPECT_GE(support::resident_mib(), 900u);
  std::latch freed(1);
  std::thread consumer([&] {
    chain.free_all();
    freed.count_down();
    tested.wait();
  });
  freed.wait();
  EXPECT_LT(support::resident_mib_within(kBound, kSeconds), kBound);
  tested.count_down();
  producer.join();
  consumer.join();
}

constexpr std::size_t kThreads = 64;

// 64 threads hold 16 MiB each at the same time. `at_end` is what each of them then does with its
// chain.
template <class AtEnd>
void run_64_threads(const Sizes& sizes, std::vector<Chain>& chains, AtEnd at_end) {
  std::barrier all_allocated(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      chains[i].add_all(16 * kMiB, sizes.smallest, sizes.largest);
      all_allocated.arrive_and_wait();
      at_end(chains[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(HeldMemory, ThreadsThatFreeAndExit) {
  std::vector<Chain> chains(kThreads);
  run_64_threads(GetParam(), chains, [](Chain& chain) { chain.free_all(); });
  EXPECT_LT(support::resident_mib_within(kBound, kSeconds), kBound);
}

TEST_P(HeldMemory, ThreadsThatLeaveItToMain) {
  std::vector<Chain> chains(kThreads);
  run_64_threads(GetParam(), chains, [](Chain&) {});
  EXPECT_GE(support::resident_mib(), 900u);
  for (Chain& chain : chains) chain.free_all();
  EXPECT_LT(support::resident_mib_within(kBound, kSeconds), kBound);
}

INSTANTIATE_TEST_SUITE_P(Blocks, HeldMemory,
                         testing::Values(Sizes{64, 1024}, Sizes{1024, 32'768},
                                         Sizes{65'536, 1 << 20}, Sizes{16, 1 << 20}),
                         testing::PrintToStringParamName());

// 25 MiB of data in 500 threads, each with 100 blocks of 16 to 1,006 bytes.
TEST(HeldMemory, FiveHundredThreadsWithAHundredBlocks) {
  std::latch all_allocated(500);
  std::latch measured(1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 500; ++i) {
    threads.emplace_back([&] {
      Chain chain;
      for (std::size_t size = 16; size <= 1006; size += 10) chain.add(size);
      all_allocated.count_down();
      measured.wait();
      chain.free_all();
    });
  }
  all_allocated.wait();
  EXPECT_LE(support::resident_mib(), 64u);
  measured.count_down();
  for (std::thread& thread : threads) thread.join();
}

// A pool of far more threads than processors, all of which have worked and now sleep.
TEST(HeldMemory, ACrowdOfIdleThreads) {
  const auto cpus = static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN));
  if (cpus > 8 || support::has_several_nodes()) GTEST_SKIP() << "it takes 65 threads a processor to make a crowd";
  const std::size_t count = 64 * cpus + 200;
  std::barrier<> together(static_cast<std::ptrdiff_t>(count + 1));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      std::free(std::malloc(opaque(std::size_t{16})));
      together.arrive_and_wait();
      together.arrive_and_wait();
      for (int round = 0; round < 5; ++round) {
        Chain chain;
        chain.add_all(128 << 10, 16, 1024);
        chain.free_all();
      }
      together.arrive_and_wait();
      together.arrive_and_wait();
    });
  }
  together.arrive_and_wait();
  const std::size_t before = support::resident_mib();
  together.arrive_and_wait();
  together.arrive_and_wait();
  const std::size_t bound = before + count * 64 / 1024;
  EXPECT_LT(support::resident_mib_within(bound, kSeconds), bound) << before << " MiB before " << count << " threads worked";
  together.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
}

// Some threads take and free 4 MiB again and again, and one block in two hundred stays: slabs change hands with a few blocks in
// them, so that not every line is free. What is free serves the next round.
TEST(HeldMemory, FewBlocksThatStayKeepNoSlabFromUse) {
  constexpr std::size_t kRoundBytes = 4 << 20;
  constexpr int kRounds = 20;
  const std::size_t before = support::resident_mib();
  std::atomic<std::size_t> most{0};
  std::vector<std::thread> threads;
  for (std::size_t id = 0; id < 4; ++id) {
    threads.emplace_back([&most, id] {
      std::vector<void*> stays;
      std::uint64_t random = id + 1;
      for (int round = 0; round < kRounds; ++round) {
        std::vector<void*> blocks(kRoundBytes / 48);
        for (void*& block : blocks) block = std::memset(std::malloc(opaque(std::size_t{48})), 1, 48);
        for (void* block : blocks) {
          random = random * 6364136223846793005U + 1442695040888963407U;
          if ((random >> 33) % 200 == 0) stays.push_back(block); else std::free(block);
        }
        const std::size_t now = support::resident_mib();
        for (std::size_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      for (void* block : stays) std::free(block);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(most, before + kBound);
}

// A program that goes on working in small blocks needs no trim either.
TEST(HeldMemory, PurgeHappensOnLaterSlowPaths) {
  Chain chain;
  chain.add_all(256 * kMiB, 48, 1 << 20);
  chain.free_all();
  for (int tick = 0; tick < 120 && support::resident_mib() >= 24; ++tick) {
    support::sleep_ms(50);
    Chain work;
    work.add_all(kMiB, 16, 4096);
    work.free_all();
  }
  EXPECT_LT(support::resident_mib(), 24u) << "idle blocks of 8 MiB may be worth holding";
}

// After the second trim nothing is left to give: what one call can release, it has released.
TEST(HeldMemory, TrimGivesEverythingBackAtOnce) {
  const std::size_t before = support::resident_mib();
  Chain chain;
  chain.add_all(512 * kMiB, 16, 4 << 20);
  chain.free_all();
  EXPECT_EQ(malloc_trim(0), 1);
  const std::size_t once = support::resident_mib();
  malloc_trim(0);
  EXPECT_LE(once, before + 16);
  EXPECT_LE(once, support::resident_mib() + 1);
}

TEST(HeldMemory, TrimTellsThatALargeBlockWent) {
  malloc_trim(0);
  for (const std::size_t bytes : {1 * kMiB, 64 * kMiB}) {
    void* block = std::malloc(bytes);
    ASSERT_NE(block, nullptr);
    std::memset(block, 1, bytes);
    std::free(block);
    EXPECT_EQ(malloc_trim(0), 1) << bytes;
  }
}

// What the allocator keeps about blocks, without what it keeps in them (rounding, unused slots).
class Metadata : public testing::TestWithParam<std::size_t> {};

TEST_P(Metadata, IsBelowTwoPercent) {
  const auto get_stats =
      reinterpret_cast<int (*)(hak_stats*, std::size_t)>(dlsym(RTLD_DEFAULT, "hak_stats_get"));
  ASSERT_NE(get_stats, nullptr);
  Chain chain;
  chain.add_all(128 * kMiB, GetParam(), GetParam());
  hak_stats stats = {};
  ASSERT_EQ(get_stats(&stats, sizeof stats), 0);
  EXPECT_GE(stats.mapped_bytes + stats.huge_bytes, 128 * kMiB);
  const std::size_t page_map = stats.mapped_bytes / 65'536 * 12;
  EXPECT_LT((stats.metadata_bytes + page_map) * 50, stats.mapped_bytes)
      << stats.metadata_bytes << " bytes of metadata";
  chain.free_all();
}

INSTANTIATE_TEST_SUITE_P(Bytes, Metadata, testing::Values(16, 64, 1024, 16'384, 262'144),
                         testing::PrintToStringParamName());

// What blocks cost above their payload: classes' rounding, unused slots and metadata together.
TEST(HeldMemory, OverheadOfLiveBlocks) {
  for (const std::size_t size : {64ul, 1024ul, 16'384ul, 262'144ul}) {
    const std::size_t before = support::resident_bytes();
    Chain chain;
    chain.add_all(128 * kMiB, size, size);
    const double held = static_cast<double>(support::resident_bytes() - before);
    EXPECT_LT(held / static_cast<double>(128 * kMiB), 1.04) << "blocks of " << size;
    chain.free_all();
    malloc_trim(0);
  }
}

}  // namespace
