// Slab and shard: the life of a slab between heaps, and a census after many threads have raced.
#include "slabs/slab_shard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "pages/run_store.hpp"

namespace hakmem {
namespace {

constexpr OwnerId kOwner{5000};
constexpr OwnerId kOther{5001};

constinit SlabShard shards[2];
constinit char heap;
constinit char other_heap;

using Blocks = std::vector<std::uintptr_t>;

Blocks take(Slab* slab, unsigned n) {
  Blocks blocks(n);
  blocks.resize(slab->take(n, blocks.data()));
  return blocks;
}

Blocks take_all(Slab* slab) { return take(slab, slab->shape().slots); }

void bring_home(const void* by, const Blocks& blocks) {
  return_blocks(by, blocks.data(), static_cast<unsigned>(blocks.size()));
}

bool is_live(const Slab* slab) { return (slab->state.load_acquire() & Slab::kLive) != 0; }

Slab* attach(ClassId c, OwnerId owner = kOwner, const void* by = &heap, bool roomy = false) {
  return shards[0].attach(c, owner, &shards[0], by, roomy);
}

class EveryClass : public testing::TestWithParam<std::size_t> {
 protected:
  const ClassId c = class_of(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Slab, EveryClass, testing::Values(16, 48, 64, 80, 112, 320, 1024, 5120, 28672, 32768));

// From first to last block, and home again.
TEST_P(EveryClass, HandsOutEachBlockOnceAndGoesWhenAllAreHome) {
  const std::size_t before = run_store.use().in_use_bytes();
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  ASSERT_NE(slab, nullptr);
  EXPECT_EQ(run_store.use().in_use_bytes(), before + slab->shape().granules * kGranuleBytes);
  const Blocks blocks = take_all(slab);
  ASSERT_EQ(blocks.size(), slab->shape().slots);
  EXPECT_TRUE(std::is_sorted(blocks.rbegin(), blocks.rend())) << "the lowest last";
  EXPECT_EQ(std::set(blocks.begin(), blocks.end()).size(), blocks.size());
  for (const std::uintptr_t block : blocks) {
    ASSERT_EQ(slab->block_at(slab->slot_of(block)), block);
    ASSERT_EQ(page_map.tag_of(granule_at(block)), tag_for(kOwner, c));
    ASSERT_EQ(page_map.details_of(granule_at(block)), slab);
  }
  EXPECT_EQ(slab->free_slots(), 0u);
  EXPECT_TRUE(take(slab, 1).empty());
  bring_home(&heap, blocks);
  EXPECT_EQ(slab->free_slots(), slab->shape().slots);
  detach(slab);
  EXPECT_FALSE(is_live(slab)) << "(4)";
  EXPECT_EQ(run_store.use().in_use_bytes(), before);
  EXPECT_EQ(page_map.tag_of(granule_at(blocks[0])), tag_for(Kind::kFreeDirty));
}

// Foreign frees into an attached slab come out again, and none is lost to the owner's own.
TEST_P(EveryClass, TakesWhatOthersBringHome) {
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  Blocks blocks = take_all(slab);
  const auto middle = blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2);
  bring_home(&other_heap, Blocks(blocks.begin(), middle));
  bring_home(&heap, Blocks(middle, blocks.end()));
  Blocks again = take_all(slab);
  std::sort(again.begin(), again.end());
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(again, blocks);
  bring_home(nullptr, again);
  detach(slab);
  EXPECT_FALSE(is_live(slab));
}

// full, attached to nobody, in no list: the first block home lists it, the last one releases it.
TEST_P(EveryClass, FullSlabIsListedByTheFirstBlockHomeAndReleasedByTheLast) {
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  Blocks blocks = take_all(slab);
  detach(slab);
  EXPECT_EQ(attach(c), nullptr) << "a full slab is in no list";
  const std::uintptr_t first = blocks.back();
  bring_home(&other_heap, {first});
  blocks.pop_back();
  EXPECT_EQ(attach(c, kOwner, &heap, true), nullptr) << "not roomy";
  Slab* found = attach(c);
  ASSERT_EQ(found, slab);
  EXPECT_EQ(attach(c), nullptr) << "attached once";
  detach(slab);
  const std::uintptr_t last = blocks.back();
  blocks.pop_back();
  bring_home(&other_heap, blocks);
  EXPECT_TRUE(is_live(slab)) << "a block is still out";
  bring_home(nullptr, {last});
  EXPECT_FALSE(is_live(slab));
  EXPECT_EQ(attach(c), nullptr);
}

TEST(Slab, HintsAndRoominessFollowFullness) {
  const ClassId c = class_of(std::size_t{1024});
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  Blocks blocks = take_all(slab);
  detach(slab);
  EXPECT_FALSE(shards[0].may_have(c, false));
  bring_home(nullptr, {blocks.back()});
  blocks.pop_back();
  EXPECT_TRUE(shards[0].may_have(c, false));
  EXPECT_FALSE(shards[0].may_have(c, true));
  const auto half = static_cast<std::ptrdiff_t>(blocks.size() / 2);
  bring_home(nullptr, Blocks(blocks.begin(), blocks.begin() + half));
  EXPECT_TRUE(shards[0].may_have(c, true));
  EXPECT_EQ(shards[0].attach(c, kOther, &shards[1], &other_heap, true), slab);
  EXPECT_FALSE(shards[0].may_have(c, false));
  EXPECT_EQ(page_map.tag_of(granule_at(blocks[0])), tag_for(kOther, c)) << "adopted, blocks in flight and all";
  bring_home(&other_heap, Blocks(blocks.begin() + half, blocks.end()));
  detach(slab);
  EXPECT_FALSE(is_live(slab));
}

// Each second block stays out, so that it has free slots and no free line.
Slab* make_lineless(ClassId c, Blocks& held) {
  Slab* slab = make_slab(c, kOther, &shards[0], os::Node{0}, &other_heap).slab;
  const Blocks blocks = take_all(slab);
  Blocks home;
  for (std::size_t i = 0; i < blocks.size(); ++i) (i % 2 == 0 ? held : home).push_back(blocks[i]);
  bring_home(&other_heap, home);
  detach(slab);
  return slab;
}

TEST(Slab, OneWithoutAFreeLineIsTheLastToBeAskedAgain) {
  const ClassId c = class_of(std::size_t{48});
  Blocks held;
  Slab* first = make_lineless(c, held);
  Slab* second = make_lineless(c, held);
  EXPECT_EQ(attach(c), second) << "the last one listed";
  EXPECT_EQ(take(second, 8).size(), 0U) << "of another heap's lines none";
  detach(second);
  EXPECT_EQ(attach(c), first);
  Blocks split(8);
  EXPECT_EQ(first->take_split_lines(8, split.data()), 8U);
  bring_home(&heap, split);
  detach(first);
  bring_home(nullptr, held);
  EXPECT_EQ(attach(c), nullptr);
}

TEST(Slab, AreAttachedByBin) {
  const ClassId c = class_of(std::size_t{2048});
  std::vector<Blocks> held;
  std::vector<Slab*> slabs;
  for (const unsigned n : {28U, 4U, 14U}) {
    slabs.push_back(make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab);
    held.push_back(take(slabs.back(), n));
    detach(slabs.back());
  }
  EXPECT_EQ(shards[0].attach_of_bin(c, 3, kOwner, &heap), slabs[1]);
  EXPECT_EQ(shards[0].attach_of_bin(c, 2, kOwner, &heap), slabs[2]);
  EXPECT_EQ(shards[0].attach_of_bin(c, 1, kOwner, &heap), nullptr);
  for (const Blocks& blocks : held) bring_home(nullptr, blocks);
  detach(slabs[1]);
  detach(slabs[2]);
}

// Half of its blocks at random leave hardly a line whole, and it is its own heap's that takes them all.
TEST(Slab, OfBlocksThatShareLinesOthersTakeOnlyNearlyEmptyOnes) {
  const ClassId c = class_of(std::size_t{48});
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  const Blocks blocks = take_all(slab);
  detach(slab);
  const auto most = static_cast<std::ptrdiff_t>(blocks.size() * 7 / 10);
  bring_home(nullptr, Blocks(blocks.begin(), blocks.begin() + most));
  EXPECT_FALSE(shards[0].may_have(c, true));
  EXPECT_EQ(shards[0].attach(c, kOther, &shards[1], &other_heap, true), nullptr);
  EXPECT_EQ(attach(c), slab);
  detach(slab);
  const auto more = static_cast<std::ptrdiff_t>(blocks.size() * 8 / 10);
  bring_home(nullptr, Blocks(blocks.begin() + most, blocks.begin() + more));
  EXPECT_TRUE(shards[0].may_have(c, true));
  EXPECT_EQ(shards[0].attach(c, kOther, &shards[1], &other_heap, true), slab);
  bring_home(&other_heap, Blocks(blocks.begin() + more, blocks.end()));
  detach(slab);
}

// The fullest first, so that emptier ones may become empty.
TEST(Slab, AttachPrefersTheFullest) {
  const ClassId c = class_of(std::size_t{2048});
  std::vector<Slab*> slabs;
  std::vector<Blocks> held;
  for (const unsigned n : {4U, 30U, 12U}) {
    slabs.push_back(make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab);
    held.push_back(take(slabs.back(), n));
  }
  for (Slab* slab : slabs) detach(slab);
  EXPECT_EQ(attach(c), slabs[1]);
  EXPECT_EQ(attach(c), slabs[2]);
  EXPECT_EQ(attach(c), slabs[0]);
  for (const Blocks& blocks : held) bring_home(&heap, blocks);
  for (Slab* slab : slabs) detach(slab);
  for (Slab* slab : slabs) EXPECT_FALSE(is_live(slab));
}

// Once two threads had blocks of it, only whole cache lines are handed out.
TEST(Slab, AMixedOneHandsOutWholeLinesOnly) {
  const ClassId c = class_of(std::size_t{32});
  Slab* slab = make_slab(c, kOwner, &shards[0], os::Node{0}, &heap).slab;
  Blocks blocks = take_all(slab);
  detach(slab);
  std::sort(blocks.begin(), blocks.end());
  Blocks lone, rest;
  for (std::size_t i = 0; i < blocks.size(); ++i) (i % 4 == 1 ? rest : lone).push_back(blocks[i]);
  bring_home(nullptr, lone);  // three of four: one whole line and one half line in each 128 bytes
  ASSERT_EQ(attach(c, kOther, &other_heap), slab);
  const Blocks taken = take_all(slab);
  EXPECT_EQ(taken.size(), blocks.size() / 2);
  for (const std::uintptr_t block : taken) {
    const std::uintptr_t line = block / kCacheLine * kCacheLine;
    for (const std::uintptr_t holder : rest) ASSERT_NE(holder / kCacheLine * kCacheLine, line);
  }
  bring_home(&other_heap, taken);
  bring_home(&other_heap, rest);
  detach(slab);
  EXPECT_FALSE(is_live(slab));
}

// Blocks are memory: the first word of one says who holds it. Everything starts and ends at zero.
std::atomic<int> doubled{0};

void claim(const Blocks& blocks, std::size_t n, std::uint64_t id) {
  for (std::size_t i = 0; i < n; ++i) {
    if (std::atomic_ref(*reinterpret_cast<std::uint64_t*>(blocks[i])).exchange(id) != 0) ++doubled;
  }
}

void disclaim(const Blocks& blocks) {
  for (const std::uintptr_t block : blocks) {
    if (std::atomic_ref(*reinterpret_cast<std::uint64_t*>(block)).exchange(0) == 0) ++doubled;
  }
}

// Blocks that one thread has taken, waiting for another to free.
class Exchange {
 public:
  void put(Blocks blocks) {
    if (blocks.empty()) return;
    const std::lock_guard guard(lock_);
    waiting_.push_back(std::move(blocks));
  }
  Blocks get() {
    const std::lock_guard guard(lock_);
    if (waiting_.empty()) return {};
    Blocks blocks = std::move(waiting_.back());
    waiting_.pop_back();
    return blocks;
  }

 private:
  std::mutex lock_;
  std::vector<Blocks> waiting_;
};

class Racer {
 public:
  Racer(std::uint32_t id, ClassId c, Exchange& exchange) : id_(id), class_(c), exchange_(exchange), random_(id) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    release(held_);
    while (!attached_.empty()) drop();
  }

  void release(Blocks& blocks) {
    disclaim(blocks);
    bring_home(this, blocks);
    blocks.clear();
  }

 private:
  OwnerId owner() const { return OwnerId{6000 + id_}; }

  void step() {
    switch (random_() % 8) {
      case 0: attach_some(); break;
      case 1: if (!attached_.empty()) drop(); break;
      case 2: release(held_); break;
      case 3: std::shuffle(held_.begin(), held_.end(), random_); exchange_.put(std::move(held_)); held_ = {}; break;
      case 4:
      case 5: { Blocks foreign = exchange_.get(); release(foreign); break; }
      default: take_some();
    }
  }

  void attach_some() {
    Slab* slab = shards[random_() % 2].attach(class_, owner(), &shards[id_ % 2], this, random_() % 2 == 0);
    if (slab == nullptr) slab = make_slab(class_, owner(), &shards[id_ % 2], os::Node{0}, this).slab;
    attached_.push_back(slab);
  }

  void take_some() {
    for (Slab* slab : attached_) {
      const Blocks blocks = take(slab, static_cast<unsigned>(random_() % 40));
      claim(blocks, blocks.size(), id_ + 1);
      held_.insert(held_.end(), blocks.begin(), blocks.end());
    }
  }

  void drop() {
    std::swap(attached_[random_() % attached_.size()], attached_.back());
    detach(attached_.back());
    attached_.pop_back();
  }

  std::uint32_t id_;
  ClassId class_;
  Exchange& exchange_;
  std::mt19937 random_;
  std::vector<Slab*> attached_;
  Blocks held_;
};

// Every interleaving of owners and foreign threads that chance finds; at the end nothing is left.
class Race : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Slab, Race, testing::Values(32, 1024, 16384));

TEST_P(Race, EachBlockHasOneHolderAndAllComeHome) {
  run_store.purge(os::now_ms(), true);
  const std::size_t before = run_store.use().in_use_bytes();
  const ClassId c = class_of(GetParam());
  doubled = 0;
  Exchange exchange;
  std::vector<std::thread> threads;
  for (std::uint32_t id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] { Racer(id, c, exchange).run(6000); });
  }
  for (std::thread& thread : threads) thread.join();
  Racer last(9, c, exchange);
  for (Blocks blocks = exchange.get(); !blocks.empty(); blocks = exchange.get()) last.release(blocks);
  EXPECT_EQ(doubled.load(), 0);
  EXPECT_EQ(run_store.use().in_use_bytes(), before) << "a slab was lost";
  EXPECT_EQ(attach(c), nullptr);
  EXPECT_TRUE(run_store.check_invariants());
}

}  // namespace
}  // namespace hakmem
