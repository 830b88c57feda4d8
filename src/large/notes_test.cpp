// What shards note is told to the learner: at once while an arm is a guess, when there is much, or at the tick.
#include "large/notes.hpp"

#include "large/idle_blocks_fixture.hpp"
#include "thread/background.hpp"
#include "thread/looks.hpp"

namespace hakmem {
namespace {

class NotesTest : public IdleBlocksTest {
 protected:
  void SetUp() override {
    IdleBlocksTest::SetUp();
    settings.learn = Learn::kOn;
    boot_learning();
    os::advance_clock_for_test(10'000);  // an age at which a guess is one
    idle_blocks.tick(os::now_ms());
    learning.set_costs(learn::CostModel{});  // and not what this machine takes just now
  }

  static learn::ContextId context() {
    learn::ContextId id{};
    EXPECT_TRUE(learning.learner().find(learning.learner().key_of(request_class(kLength), 0, 0, index_of(os::places.current_node())), id));
    return id;
  }
  static double paid_s() { return learning.learner().regret().paid_s(); }

  void keep() {
    if (run_ == nullptr) run_ = make_run(kLength);
    run_->site = 0;
    idle_blocks.keep(run_, os::now_ms());
  }
  void use_again_after(std::uint64_t idle_ms) {
    keep();
    os::advance_clock_for_test(idle_ms);
    ASSERT_EQ(idle_blocks.take(kLength), run_);
  }
  void TearDown() override {
    if (run_ != nullptr) give_back(run_);
    boot_learning();
    IdleBlocksTest::TearDown();
  }

  hakmem::Run* run_ = nullptr;
};

TEST_F(NotesTest, TheFirstReuseEndsTheGuessAtOnce) {
  keep();
  EXPECT_TRUE(learning.learner().is_unknown(context()));
  const float guessed_s = learning.arm_of(context()).gone_at;
  os::advance_clock_for_test(20);
  ASSERT_EQ(idle_blocks.take(kLength), run_);
  EXPECT_FALSE(learning.learner().is_unknown(context()));
  EXPECT_NE(learning.arm_of(context()).gone_at, guessed_s) << "it came back: it is held for longer";
}

TEST_F(NotesTest, AGuessIsLookedAtAgainWheneverTheFreesHaveDoubled) {
  std::vector<hakmem::Run*> runs;
  for (unsigned i = 0; i < 64; ++i) runs.push_back(make_run(kLength));
  for (hakmem::Run* run : runs) run->site = 0;
  idle_blocks.keep(runs[0], os::now_ms());
  const float guessed_s = learning.arm_of(context()).gone_at;
  for (unsigned i = 1; i < 64; ++i) idle_blocks.keep(runs[i], os::now_ms());
  learn::ContextId deepest{};
  ASSERT_TRUE(learning.learner().find(learning.learner().key_of(request_class(kLength), 60, 0, index_of(os::places.current_node())), deepest));
  EXPECT_LT(learning.arm_of(deepest).gone_at, guessed_s) << "none of them came back";
  idle_blocks.give_all_back();
  forget_marks(kLength, 64);
}

TEST_F(NotesTest, OtherReusesAreToldAtTheTick) {
  for (unsigned i = 0; i < 3; ++i) use_again_after(20);
  const double before = paid_s();
  use_again_after(20);
  EXPECT_EQ(paid_s(), before) << "noted";
  EXPECT_EQ(learning.reuses_of(context()), 2u);
  idle_blocks.tick(os::now_ms());
  EXPECT_GT(paid_s(), before) << "told";
  EXPECT_EQ(learning.reuses_of(context()), 4u);
}

// As a program of one thread does that sleeps between its bursts: nobody looks meanwhile.
TEST_F(NotesTest, APauseInWhichNobodyLooksIsTold) {
  const auto sleeps = [this] {
    keep();
    looks.note(os::now_ms());
    os::advance_clock_for_test(60'000);
    ASSERT_EQ(idle_blocks.take(kLength), run_);
    looks.note(os::now_ms());
  };
  const auto gone_at = [] {
    idle_blocks.tick(os::now_ms());
    return learning.arm_of(context()).gone_at;
  };
  for (unsigned i = 0; i < 20; ++i) use_again_after(100);
  for (unsigned i = 0; i < 20; ++i) sleeps();
  os::advance_clock_for_test(1100);
  EXPECT_EQ(gone_at(), 0.0f);
  EXPECT_FALSE(background_runs());
}

TEST_F(NotesTest, NotesThatAreFullAreToldAtOnce) {
  for (unsigned i = 0; i < 3; ++i) use_again_after(20);
  const double before = paid_s();
  for (unsigned i = 0; i < Notes::kReuses; ++i) use_again_after(20);
  EXPECT_GT(paid_s(), before);
}

TEST_F(NotesTest, ReusesAtOnceAreToldBeforeArmsAreDecided) {
  for (unsigned i = 0; i < 3; ++i) use_again_after(0);
  const double before = paid_s();
  for (unsigned i = 0; i < 1000; ++i) use_again_after(0);
  EXPECT_EQ(paid_s(), before);
  os::advance_clock_for_test(1100);
  idle_blocks.tick(os::now_ms());
  EXPECT_GT(paid_s(), before);
  EXPECT_EQ(learning.reuses_of(context()), 1003u);
}

TEST_F(NotesTest, FrozenArmsStayAsTheyStart) {
  settings.learn = Learn::kFrozen;
  boot_learning();
  os::advance_clock_for_test(10'000);
  keep();
  const float start_s = learning.arm_of(context()).gone_at;
  ASSERT_EQ(idle_blocks.take(kLength), run_);
  for (unsigned i = 0; i < 40; ++i) {
    use_again_after(i * 50);
    idle_blocks.tick(os::now_ms());
    EXPECT_EQ(learning.arm_of(context()).gone_at, start_s);
  }
  EXPECT_EQ(learning.reuses_of(context()), 41u) << "counted for reports";
}

}  // namespace
}  // namespace hakmem
