// Tuner: memory is billed at the price in force.
#include "thread/tuner.hpp"

#include <gtest/gtest.h>

#include "config/live_knobs.hpp"
#include "os/clock.hpp"
#include "pages/commitment.hpp"
#include "thread/boot_hook.hpp"
#include "thread/hot.hpp"

namespace hakmem {
namespace {

class TunerTest : public testing::Test {
 protected:
  void SetUp() override {
    boot();
    kept_ = allocate(64);  // something is mapped, whose page map is billed
    boot_tuner(true, 1);
    now_ms_ = os::now_ms();
  }
  void TearDown() override {
    deallocate(kept_);
    live_knobs.adapt = false;
    commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  }

  // What an interval of half a second adds to the memory's bill.
  double half_a_second() {
    const double before = tuner_state().bill_memory_s;
    tune(now_ms_ += 500);
    return tuner_state().bill_memory_s - before;
  }

 private:
  void* kept_ = nullptr;
  std::uint64_t now_ms_ = 0;
};

TEST_F(TunerTest, ThePriceRisesWithTheMemoryLimit) {
  half_a_second();
  const double free = half_a_second();
  ASSERT_GT(free, 0);
  commitment.set_limits(commitment.bytes(), SIZE_MAX, {});  // so the soft limit has been reached
  EXPECT_NEAR(half_a_second() / free, 64, 0.5);
  commitment.set_limits(SIZE_MAX, SIZE_MAX, {});
  EXPECT_NEAR(half_a_second() / free, 1, 0.01);
}

}  // namespace
}  // namespace hakmem
