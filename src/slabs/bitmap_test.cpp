// Bitmap: group arithmetic and two-level taking against naive models; sharing from many threads.
#include "slabs/bitmap.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace hakmem {
namespace {

constexpr unsigned kWords = 64;

bool all_free(std::uint64_t word, unsigned first, unsigned group) {
  for (unsigned i = 0; i < group; ++i) {
    if ((word >> (first + i) & 1) == 0) return false;
  }
  return true;
}

TEST(Groups, WholeOnesAreThoseWithEverySlotFree) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t word = random() | (round % 2 == 0 ? random() : 0);
    for (const unsigned group : {1U, 2U, 4U}) {
      std::uint64_t lowest = 0;
      std::uint64_t slots = 0;
      for (unsigned first = 0; first < 64; first += group) {
        if (!all_free(word, first, group)) continue;
        lowest |= std::uint64_t{1} << first;
        for (unsigned i = 0; i < group; ++i) slots |= std::uint64_t{1} << (first + i);
      }
      ASSERT_EQ(whole_groups(word, group), lowest);
      ASSERT_EQ(spread_groups(lowest, group), slots);
    }
  }
}

// A LocalBitmap and a set of its free slots.
class Model {
 public:
  LocalBitmap bitmap() { return {&summary_, words_.data()}; }

  void fill(unsigned slots) {
    bitmap().set_all(slots);
    for (unsigned i = 0; i < slots; ++i) free_.insert(i);
  }

  void add(unsigned slot) {
    bitmap().add(slot / 64, std::uint64_t{1} << (slot % 64));
    free_.insert(slot);
  }

  // What taking should give: the lowest slots that lie in whole groups.
  std::vector<unsigned> expected(unsigned n, unsigned group) const {
    std::vector<unsigned> slots;
    for (unsigned first = 0; first < kWords * 64 && slots.size() < n; first += group) {
      bool whole = true;
      for (unsigned i = 0; i < group; ++i) whole = whole && free_.count(first + i) != 0;
      for (unsigned i = 0; whole && i < group; ++i) slots.push_back(first + i);
    }
    return slots;
  }

  std::vector<unsigned> take(unsigned n, unsigned group) {
    std::vector<unsigned> slots;
    const unsigned taken = bitmap().take(n, group, [&](unsigned slot) { slots.push_back(slot); });
    EXPECT_EQ(taken, slots.size());
    for (const unsigned slot : slots) EXPECT_EQ(free_.erase(slot), 1u) << slot;
    return slots;
  }

  bool summary_is_exact() const {
    for (unsigned w = 0; w < kWords; ++w) {
      if ((summary_ >> w & 1) != (words_[w] != 0)) return false;
    }
    return true;
  }

 private:
  std::uint64_t summary_ = 0;
  std::array<std::uint64_t, kWords> words_{};
  std::set<unsigned> free_;
};

TEST(LocalBitmap, StartsWithExactlyItsSlots) {
  for (const unsigned slots : {8U, 63U, 64U, 65U, 1000U, 4096U}) {
    Model model;
    model.fill(slots);
    const std::vector<unsigned> all = model.take(4096, 1);
    ASSERT_EQ(all.size(), slots);
    for (unsigned i = 0; i < slots; ++i) ASSERT_EQ(all[i], i);
    EXPECT_EQ(model.take(1, 1).size(), 0u);
    EXPECT_TRUE(model.summary_is_exact());
  }
}

TEST(LocalBitmap, TakesWhatAModelTakes) {
  for (const unsigned group : {1U, 2U, 4U}) {
    std::mt19937 random(group);
    Model model;
    model.fill(4096);
    std::vector<unsigned> held;
    for (int step = 0; step < 1500; ++step) {
      const unsigned n = static_cast<unsigned>(random() % 80);
      const std::vector<unsigned> expected = model.expected(n, group);
      const std::vector<unsigned> taken = model.take(n, group);
      ASSERT_EQ(taken, expected) << "step " << step << ", group " << group;
      ASSERT_TRUE(model.summary_is_exact());
      held.insert(held.end(), taken.begin(), taken.end());
      for (std::size_t back = random() % 80; back > 0 && !held.empty(); --back) {
        std::swap(held[random() % held.size()], held.back());
        model.add(held.back());
        held.pop_back();
      }
    }
  }
}

TEST(LocalBitmap, LeavesBrokenGroupsAlone) {
  Model model;
  model.fill(64);
  EXPECT_EQ(model.take(1, 1), std::vector<unsigned>({0}));
  EXPECT_EQ(model.take(3, 4), std::vector<unsigned>({4, 5, 6, 7})) << "rounded up to a group";
  EXPECT_EQ(model.take(1, 2), std::vector<unsigned>({2, 3}));
  EXPECT_EQ(model.take(2, 1), std::vector<unsigned>({1, 8}));
}

struct Shared {
  Atomic<std::uint64_t> summary;
  Atomic<std::uint64_t> words[kWords];
  SharedBitmap bitmap() { return {&summary, words}; }
};

TEST(SharedBitmap, CollectsWhatWasAdded) {
  Shared shared;
  Model model;
  LocalBitmap to = model.bitmap();
  shared.bitmap().collect(to);
  EXPECT_TRUE(model.summary_is_exact());
  shared.bitmap().add(3, 0b101);
  shared.bitmap().add(63, std::uint64_t{1} << 63);
  shared.bitmap().add(3, 0b010);
  shared.bitmap().collect(to);
  std::vector<unsigned> got;
  to.take(10, 1, [&](unsigned slot) { got.push_back(slot); });
  EXPECT_EQ(got, std::vector<unsigned>({192, 193, 194, 4095}));
  shared.bitmap().collect(to);
  EXPECT_EQ(to.take(10, 1, [](unsigned) {}), 0u);
}

// Round by round, two sharers add a slot to each word while the owner collects: each slot arrives
// exactly once a round. One slot a word and sharer: a lost announcement has no later one to hide it.
TEST(SharedBitmap, NoSlotIsLostOrDoubledBetweenSharersAndCollector) {
  constexpr unsigned kSharers = 2;
  constexpr int kRounds = 400;
  Shared shared;
  std::uint64_t summary = 0;
  std::array<std::uint64_t, kWords> words{};
  LocalBitmap mine(&summary, words.data());
  std::atomic<int> round{0};
  std::atomic<unsigned> finished{0};
  std::vector<std::thread> sharers;
  for (unsigned id = 0; id < kSharers; ++id) {
    sharers.emplace_back([&, id] {
      for (int mine_now = 1; mine_now <= kRounds; ++mine_now) {
        while (round.load() != mine_now) std::this_thread::yield();
        for (unsigned i = 0; i < kWords; ++i) {
          const unsigned word = id == 0 ? i : kWords - 1 - i;
          shared.bitmap().add(word, std::uint64_t{1} << id);
        }
        ++finished;
      }
    });
  }
  int lost = 0;
  int doubled = 0;
  for (int now = 1; now <= kRounds; ++now) {
    std::array<int, kWords * 64> seen{};
    const auto collect = [&] {
      shared.bitmap().collect(mine);
      mine.take(kWords * 64, 1, [&](unsigned slot) { ++seen[slot]; });
    };
    finished = 0;
    round = now;
    while (finished.load() < kSharers) collect();
    collect();
    for (unsigned slot = 0; slot < kWords * 64; ++slot) {
      const int expected = slot % 64 < kSharers ? 1 : 0;
      lost += seen[slot] < expected;
      doubled += seen[slot] > expected;
    }
  }
  for (std::thread& sharer : sharers) sharer.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(doubled, 0);
}

}  // namespace
}  // namespace hakmem
