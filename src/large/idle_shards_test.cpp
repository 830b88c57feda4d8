// Idle blocks of several places: run on this machine, and on one with two nodes of two places (HAKMEM_TOPOLOGY).
#include "large/idle_blocks_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include "os/place.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSmall = 256 * kKiB;

class IdleShardsTest : public IdleBlocksTest {
 protected:
  static os::Node node_of(unsigned place) { return os::places.node_of(os::Place{static_cast<std::uint8_t>(place)}); }

  // In a thread there: a thread's number says where it is taken to run.
  static void at(unsigned place, const std::function<void()>& work) {
    bool done = false;
    while (!done) {
      std::thread([&] {
        if (index_of(os::places.current()) != place) return;
        work();
        done = true;
      }).join();
    }
  }

  static hakmem::Run* make_at(unsigned place, std::size_t bytes) {
    hakmem::Run* run = nullptr;
    at(place, [&] { run = make_run(bytes); });
    return run;
  }
  static void keep_at(unsigned place, hakmem::Run* run) {
    at(place, [&] { idle_blocks.keep(run, os::now_ms()); });
  }
  static hakmem::Run* take_at(unsigned place, std::size_t bytes) {
    hakmem::Run* run = nullptr;
    at(place, [&] { run = idle_blocks.take(bytes); });
    return run;
  }

  const unsigned places_ = os::places.places();
};

TEST_F(IdleShardsTest, AMallocLooksInItsOwnPlaceFirstAndThenInTheOthersOfItsNode) {
  for (unsigned other = 0; other < places_; ++other) {
    hakmem::Run* own = make_at(0, kSmall);
    hakmem::Run* theirs = make_at(other, kSmall);
    keep_at(0, own);
    keep_at(other, theirs);
    const bool near = node_of(other) == node_of(0);
    EXPECT_EQ(take_at(0, kSmall), other == 0 ? theirs : own) << other;
    EXPECT_EQ(take_at(0, kSmall), other == 0 ? own : near ? theirs : nullptr) << other;
    if (!near) {
      EXPECT_EQ(take_at(other, kSmall), theirs);
    }
    give_back(own);
    give_back(theirs);
  }
}

TEST_F(IdleShardsTest, ABlockFreedOnAnotherNodeWaitsOnItsOwn) {
  for (unsigned place = 0; place < places_; ++place) {
    hakmem::Run* run = make_at(place, kSmall);
    const unsigned far = places_ - 1 - place;
    keep_at(far, run);
    if (node_of(far) != node_of(place)) {
      EXPECT_EQ(take_at(far, kSmall), nullptr);
    }
    EXPECT_EQ(take_at(place, kSmall), run) << place;
    give_back(run);
  }
}

TEST_F(IdleShardsTest, ABlockWhosePagesHaveGoneAtAnotherPlaceIsStillTold) {
  const unsigned other = places_ > 1 && node_of(1) == node_of(0) ? 1 : 0;
  keep_at(other, make_at(other, kSmall));
  idle_blocks.give_all_back();
  const IdleUse before = idle_blocks.use();
  EXPECT_EQ(take_at(0, kSmall), nullptr);
  EXPECT_EQ(idle_blocks.use().late_reuses, before.late_reuses + 1);
  EXPECT_EQ(idle_blocks.use().refault_bytes, before.refault_bytes + kSmall);
  EXPECT_EQ(take_at(0, kSmall), nullptr);
  EXPECT_EQ(idle_blocks.use().late_reuses, before.late_reuses + 1) << "once";
}

TEST_F(IdleShardsTest, LongBlocksOfAllPlacesAreInOneStack) {
  const unsigned other = places_ > 1 ? 1 : 0;
  hakmem::Run* older = make_at(0, kLength);
  hakmem::Run* newer = make_at(0, kLength);
  keep_at(0, older);
  keep_at(other, newer);
  EXPECT_EQ(take_at(0, kLength), newer);
  EXPECT_EQ(take_at(0, kLength), older);
  give_back(older);
  give_back(newer);
}

// More than a batch, freed at all places in turn.
TEST_F(IdleShardsTest, TheOldestOfAllPlacesGoFirst) {
  constexpr unsigned kBlocks = 80;
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < kBlocks; ++i) runs.push_back(make_at(i / 3 % places_, kSmall));
  std::vector<std::byte*> starts;
  for (unsigned i = 0; i < kBlocks; ++i) {
    os::advance_clock_for_test(10);
    starts.push_back(runs[i]->start());
    keep_at(i / 3 % places_, runs[i]);
  }
  const ReleaseOrder order;
  idle_blocks.give_all_back();
  expect_gone_first(starts, 32);
  expect_gone_first(starts, 64);
  for (unsigned place = 0; place < places_; ++place) at(place, [] { forget_marks(kSmall, kBlocks); });
}

TEST_F(IdleShardsTest, ThoseOfTheNodeAreLent) {
  std::vector<hakmem::Run*> runs;
  for (unsigned place = 0; place < places_; ++place) runs.push_back(make_at(place, kSmall));
  std::set<const hakmem::Run*> of_others;
  for (unsigned place = 0; place < places_; ++place) {
    keep_at(place, runs[place]);
    if (node_of(place) != node_of(0)) of_others.insert(runs[place]);
  }
  EXPECT_TRUE(idle_blocks.lend(kSmall, node_of(0)));
  std::set<const hakmem::Run*> left;
  idle_blocks.look([&](const hakmem::Run& run, learn::ContextId, bool) { left.insert(&run); }, [] {});
  EXPECT_EQ(left, of_others);
  idle_blocks.give_all_back();
  for (unsigned place = 0; place < places_; ++place) at(place, [] { forget_marks(kSmall, 1); });
}

TEST_F(IdleShardsTest, TheBoundWithoutABackgroundThreadIsOneForAllPlaces) {
  constexpr unsigned kBlocks = 2 * knobs::kUnwatchedBytes / kMiB;
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < kBlocks; ++i) runs.push_back(make_at(i % places_, kMiB));
  for (unsigned i = 0; i < kBlocks; ++i) keep_at(i % places_, runs[i]);
  const IdleUse use = idle_blocks.use();
  EXPECT_EQ(use.resident_bytes(), knobs::kUnwatchedBytes);
  EXPECT_EQ(use.lazy_bytes, knobs::kUnwatchedBytes);
  idle_blocks.give_all_back();
  for (unsigned place = 0; place < places_; ++place) at(place, [] { forget_marks(kMiB, kBlocks); });
}

// A few lengths, taken and kept in any order; each block in use has its user's name at its start.
class Users {
 public:
  explicit Users(unsigned count) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i + 1); });
  }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ~Users() { stop(); }
  std::uint64_t taken() const { return taken_; }
  bool shared() const { return shared_; }

 private:
  static std::atomic<std::uint64_t>& name_in(hakmem::Run* run) { return *reinterpret_cast<std::atomic<std::uint64_t>*>(run->start()); }

  hakmem::Run* take_or_make(std::size_t bytes) {
    hakmem::Run* run = idle_blocks.take(bytes);
    taken_ += run != nullptr ? 1 : 0;
    if (run != nullptr) return run;
    run = run_store.allocate(granules_for(bytes)).run;
    run->kind = Kind::kLarge;
    name_in(run) = 0;
    return run;
  }

  void work(unsigned name) {
    std::mt19937 random(name);
    std::vector<hakmem::Run*> mine;
    while (!stop_) {
      if (mine.size() < 6 && random() % 2 == 0) {
        hakmem::Run* run = take_or_make(kSmall << random() % 4);
        if (name_in(run).exchange(name) != 0) shared_ = true;
        mine.push_back(run);
      } else if (!mine.empty()) {
        hakmem::Run* run = mine.back();
        mine.pop_back();
        run->site = random() % 4;
        if (name_in(run).exchange(0) != name) shared_ = true;
        idle_blocks.keep(run, os::now_ms());
      }
    }
    for (hakmem::Run* run : mine) give_back(run);
  }

  std::atomic<bool> stop_{false};
  std::atomic<bool> shared_{false};
  std::atomic<std::uint64_t> taken_{0};
  std::vector<std::thread> threads_;
};

TEST_F(IdleShardsTest, ManyThreadsAtAllPlacesShareNoBlock) {
  settings.learn = Learn::kOn;
  boot_learning();
  const IdleUse before = idle_blocks.use();
  Users users(8);
  for (unsigned i = 0; i < 300; ++i) {
    os::advance_clock_for_test(i % 40 == 0 ? 1100 : 7);
    idle_blocks.tick(os::now_ms());
    std::size_t idle = 0;
    idle_blocks.look([&](const hakmem::Run& run, learn::ContextId, bool) { idle += run.bytes(); }, [] {});
    if (i % 10 == 0) idle_blocks.lend(kMiB, os::places.current_node());
    if (i % 100 == 0) idle_blocks.give_all_back();
    std::this_thread::yield();
  }
  users.stop();
  EXPECT_FALSE(users.shared());
  const IdleUse use = idle_blocks.use();
  EXPECT_EQ(use.reuses - before.reuses, users.taken() + (use.late_reuses - before.late_reuses));
  std::size_t idle = 0;
  idle_blocks.look([&](const hakmem::Run& run, learn::ContextId, bool) { idle += run.bytes(); }, [] {});
  EXPECT_EQ(idle, use.held_bytes);
  std::uint64_t told = 0;
  for (std::size_t i = 0; i < learning.learner().contexts(); ++i) told += learning.reuses_of(static_cast<learn::ContextId>(i));
  EXPECT_GE(told, users.taken()) << "every reuse is told in the end";
}

TEST_F(IdleShardsTest, AChildOfABusyProcessUsesAllShards) {
  settings.learn = Learn::kOn;
  boot_learning();
  Users users(6);
  for (unsigned i = 0; i < 30; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      hakmem::Run* run = run_store.allocate(granules_for(kSmall)).run;
      run->kind = Kind::kLarge;
      idle_blocks.keep(run, os::now_ms());
      idle_blocks.tick(os::now_ms());
      idle_blocks.look([](const hakmem::Run&, learn::ContextId, bool) {}, [] {});
      const bool found = idle_blocks.take(kSmall) != nullptr;
      idle_blocks.give_all_back();
      _exit(found && idle_blocks.held_bytes() == 0 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace hakmem
