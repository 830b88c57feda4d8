// Hands: a block freed a moment ago comes back from the thread's own hand; what waits there too
// long, or is wanted elsewhere, comes out; nothing is in two places.
#include "large/hands.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "large/idle_blocks.hpp"
#include "large/large.hpp"
#include "large/site_keys.hpp"
#include "large/states.hpp"
#include "os/clock.hpp"
#include "pages/run_store_fixture.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"
#include "thread/large_hooks.hpp"
#include "thread/many_heaps_fixture.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kSize = 200 * kKiB;
constexpr std::size_t kHandLength = 256 * kKiB;

class HandsTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    before_ = settings;
    settings.learn = Learn::kOff;  // every block is held for the purge delay, 1 s
    give_back_idle_large();
    fill_release_budget();
    os::stop_clock_for_test();
  }
  void TearDown() override {
    give_back_idle_large();
    EXPECT_EQ(hands.granted(), 0u);
    EXPECT_EQ(idle_blocks.held_bytes(), 0u);
    EXPECT_TRUE(run_store.check_invariants());
    settings = before_;
    os::start_clock_for_test();
  }

  // Frees and takes until the block comes from a hand.
  static void earn_hand(std::size_t size) {
    for (int i = 0; i < 3; ++i) deallocate(allocate(size));
    ASSERT_NE(hands.granted(), 0u);
  }

  // Until the turn of a place that has just been earned, and further.
  static void use_slowly(std::size_t size, int uses) {
    for (int i = 0; i < uses; ++i) {
      os::advance_clock_for_test(Hands::kMostApartMs + 1);
      deallocate(allocate(size));
    }
  }

  static std::size_t in_hands() {
    std::size_t bytes = 0;
    hands.look([&](const hakmem::Run& run) { bytes += run.bytes(); });
    return bytes;
  }

  static void look_after(std::uint64_t ms) {
    os::advance_clock_for_test(ms);
    tick_large(os::now_ms());
  }

 private:
  Settings before_;
};

TEST_F(HandsTest, EveryRequestHasTheClassThatItsBlockServes) {
  for (std::size_t bytes = 1; bytes <= 2 * kGiB; bytes += bytes / 9 + 1) {
    const unsigned c = request_class(bytes);
    const std::size_t granules = bytes_of(granules_for(bytes));
    ASSERT_EQ(c, learn::large_class_of(granules)) << bytes;
    if (c == learn::kLargeClasses - 1) continue;
    ASSERT_EQ(class_served_by(large_length(bytes)), c) << bytes;
  }
}

TEST_F(HandsTest, ABlockUsedAgainAtOnceWaitsInTheHand) {
  earn_hand(kSize);
  void* const block = allocate(kSize);
  EXPECT_EQ(in_hands(), 0u);
  deallocate(block);
  EXPECT_EQ(in_hands(), kHandLength);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u);
  EXPECT_EQ(kind_of(page_map.tag_of(block)), Kind::kBusy) << "a second free finds no block";
  EXPECT_EQ(allocate(kSize), block);
  EXPECT_EQ(kind_of(page_map.tag_of(block)), Kind::kLarge);
  deallocate(block);
}

TEST_F(HandsTest, AHugeBlockToo) {
  constexpr std::size_t kHuge = 40 * kMiB;
  earn_hand(kHuge);
  void* const block = allocate(kHuge);
  EXPECT_EQ(kind_of(page_map.tag_of(block)), Kind::kHuge);
  deallocate(block);
  EXPECT_EQ(in_hands(), kHuge);
  EXPECT_EQ(allocate(kHuge), block);
  deallocate(block);
}

TEST_F(HandsTest, WhatIsNotUsedAgainComesOutWithItsAge) {
  earn_hand(kSize);
  look_after(Hands::kLookMs);
  look_after(Hands::kLookMs);
  EXPECT_EQ(in_hands(), 0u);
  EXPECT_EQ(hands.granted(), 0u);
  EXPECT_EQ(idle_blocks.held_bytes(), kHandLength);
  look_after(settings.purge_delay_ms - Hands::kLookMs + 50);
  EXPECT_EQ(idle_blocks.held_bytes(), 0u) << "its hold began at the free, not when it came out";
}

TEST_F(HandsTest, WhatIsUsedBetweenLooksStays) {
  earn_hand(kSize);
  for (int i = 0; i < 8; ++i) {
    os::advance_clock_for_test(Hands::kLookMs - 10);
    for (int use = 0; use < 1000; ++use) deallocate(allocate(kSize));
    look_after(10);
    ASSERT_EQ(in_hands(), kHandLength) << i;
  }
}

// Nobody else could have the block meanwhile, and the way to the idle ones costs nothing that counts.
TEST_F(HandsTest, WhatIsUsedNowAndThenIsIdleInBetween) {
  earn_hand(kSize);
  use_slowly(kSize, 3);
  EXPECT_EQ(hands.granted(), 0u);
  EXPECT_EQ(idle_blocks.held_bytes(), kHandLength);
  use_slowly(kSize, 1);
  EXPECT_EQ(hands.granted(), 0u);
}

// ... while one that is used at once stays where it is.
TEST_F(HandsTest, ASlowClassLeavesTheOthersTheirRoom) {
  constexpr std::size_t kOther = 400 * kKiB;
  earn_hand(kSize);
  earn_hand(kOther);
  const std::size_t both = hands.granted();
  use_slowly(kOther, 3);
  EXPECT_EQ(hands.granted(), both - large_length(kOther));
}

TEST_F(HandsTest, AnotherThreadEmptiesASleepersHand) {
  std::atomic<int> step{0};
  std::thread sleeper([&] {
    earn_hand(kSize);
    step = 1;
    while (step != 2) std::this_thread::yield();
    deallocate(allocate(kSize));
  });
  while (step != 1) std::this_thread::yield();
  EXPECT_EQ(in_hands(), kHandLength);
  give_back_idle_large();
  EXPECT_EQ(in_hands(), 0u);
  EXPECT_EQ(hands.granted(), 0u);
  step = 2;
  sleeper.join();
}

// What a place has been used before it lost its room is not told of the turns after it.
TEST_F(HandsTest, APlaceThatGotRoomAgainBeginsAnew) {
  earn_hand(kSize);
  for (int i = 0; i < 100; ++i) deallocate(allocate(kSize));
  give_back_idle_large();
  const std::uint64_t reuses = idle_blocks.use().reuses;
  earn_hand(kSize);
  EXPECT_LE(idle_blocks.use().reuses, reuses + 3) << "a place without credit has a turn at once";
}

// How many of so many uses of the block, `apart_ms` each, told the learner.
unsigned turns_in(unsigned uses, std::uint64_t apart_ms) {
  unsigned turns = 0;
  std::uint64_t told = idle_blocks.use().reuses;
  for (unsigned i = 0; i < uses; ++i) {
    os::advance_clock_for_test(apart_ms);
    deallocate(allocate(kSize));
    const std::uint64_t now = idle_blocks.use().reuses;
    turns += now != told;
    told = now;
  }
  return turns;
}

TEST_F(HandsTest, WhoUsesABlockAtOnceTellsItSeldomAndWholly) {
  earn_hand(kSize);
  const std::uint64_t reuses = idle_blocks.use().reuses;
  EXPECT_LE(turns_in(8192, 0), 9u + 8192 / 512) << "1, 2, 4, ... 512 uses a turn";
  EXPECT_GE(idle_blocks.use().reuses, reuses + 8192 - 512);
}

// Without a background thread it is who takes from the hand that gives back what is due.
TEST_F(HandsTest, WhoHasSomethingToGiveBackTellsItOften) {
  if (background_runs()) GTEST_SKIP() << "which looks after what waits";
  void* const waits = allocate(kMiB);
  earn_hand(kSize);
  deallocate(waits);
  EXPECT_GE(turns_in(8192, 0), 8192u / 64);
}

TEST_F(HandsTest, WhoSlowsDownLosesItsRoomAtALook) {
  earn_hand(kSize);
  turns_in(8192, 0);
  look_after(Hands::kLookMs);
  for (int use = 0; use < 50; ++use) deallocate(allocate(kSize));
  look_after(Hands::kLookMs);
  EXPECT_EQ(hands.granted(), 0u);
}

TEST_F(HandsTest, WithAProfileEveryUseNamesItsSite) {
  settings.profile_path = "not opened here";
  earn_hand(kSize);
  const void* const caller = __builtin_return_address(0);
  void* const block = allocate_large_for(kSize, caller);
  EXPECT_EQ(in_hands(), 0u) << "it was not in the hand";
  EXPECT_EQ(run_of(block)->site, site_key(caller));
  deallocate(block);
  EXPECT_EQ(in_hands(), kHandLength);
}

TEST_F(HandsTest, AnExitedThreadsHandIsIdle) {
  std::thread([] { earn_hand(kSize); }).join();
  EXPECT_EQ(hands.granted(), 0u);
  EXPECT_EQ(idle_blocks.held_bytes(), kHandLength);
}

TEST_F(HandsTest, AllHandsTogetherAreBounded) {
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(allocate(48 * kMiB));
  for (void* block : blocks) deallocate(block);
  for (int round = 0; round < 8; ++round) {
    for (void*& block : blocks) block = allocate(48 * kMiB);
    for (void* block : blocks) deallocate(block);
  }
  EXPECT_LE(hands.granted(), knobs::kHandBytes);
  EXPECT_LE(in_hands(), hands.granted());
}

TEST_F(HandsTest, AmongManyHeapsTheBoundIsOneForEachProcessor) {
  know_processors();
  const std::size_t most = knobs::kHandBytesPerCpu * os::places.cpus();
  if (most >= knobs::kHandBytes) GTEST_SKIP() << "so many processors that it is the same bound";
  const ManyHeaps many;
  for (int i = 0; i < 3; ++i) deallocate(allocate(most + kMiB));
  EXPECT_EQ(hands.granted(), 0u);
  earn_hand(kSize);
}

TEST_F(HandsTest, ClassesThatAreNotWorthHoldingHaveNone) {
  settings.learn = Learn::kOn;
  learn::SelectorChoice choice;
  ASSERT_TRUE(learn::parse_selector("fixed:100ms", choice));
  learning.boot(choice);
  idle_blocks.forget_notes_for_test();
  for (int i = 0; i < 3; ++i) deallocate(allocate(kSize));
  EXPECT_EQ(hands.granted(), 0u);
  give_back_idle_large();
  learning.boot(learn::SelectorChoice{});
  idle_blocks.forget_notes_for_test();
}

TEST_F(HandsTest, AChildEmptiesTheHandsOfThreadsThatItDoesNotHave) {
  std::atomic<int> step{0};
  std::thread busy([&] {
    earn_hand(kSize);
    for (int i = 0; step != 2; ++i) {
      deallocate(allocate(kSize));
      if (i == 100) step = 1;
    }
  });
  while (step != 1) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      look_after(Hands::kLookMs);
      look_after(Hands::kLookMs);
      const bool own_works = allocate(kSize) != nullptr;
      _exit(own_works && hands.granted() == 0 && run_store.check_invariants() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << i;
  }
  step = 2;
  busy.join();
}

// One thread reuses a block and others around it while another reports: what the report is told of is in a hand, and
// nobody changes its record. The sanitizer sees it where somebody does.
TEST_F(HandsTest, WhatIsReportedOfIsIdle) {
  std::atomic<bool> done{false};
  std::thread user([&done] {
    for (int i = 0; !done; ++i) {
      void* const block = allocate(kSize);
      deallocate(resize_large(block, i % 2 == 0 ? kSize / 2 : kSize));
    }
  });
  std::atomic<int> in_use{0};
  for (int i = 0; i < 3000; ++i) {
    hands.look([&](const hakmem::Run& run) { in_use += page_map.tag_of(run.first) != tag_for(Kind::kBusy) ? 1 : 0; });
    std::this_thread::yield();
  }
  done = true;
  user.join();
  EXPECT_EQ(in_use, 0);
}

// Threads use their hands while one empties them all the time: no block is handed out twice.
TEST_F(HandsTest, EmptyingHandsThatAreInUse) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 20'000;
  std::atomic<int> running{kThreads};
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int t = 0; t < kThreads; ++t) {
    users.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const std::size_t size = (i / 50) % 2 == 0 ? 64 * kKiB : 300 * kKiB;
        auto* first = static_cast<volatile int*>(allocate(size));
        auto* second = static_cast<volatile int*>(allocate(size));
        *first = t;
        *second = -t - 1;
        if (*first != t || *second != -t - 1) ++wrong;
        deallocate(const_cast<int*>(first));
        deallocate(const_cast<int*>(second));
      }
      --running;
    });
  }
  while (running != 0) {
    give_back_idle_large();
    std::this_thread::yield();
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace hakmem
