#include "thread/measure_costs.hpp"

#include <gtest/gtest.h>

#include "thread/boot_hook.hpp"

namespace hakmem {
namespace {

TEST(MeasureCosts, AreOfTheRightOrder) {
  boot();
  const learn::CostModel usual;
  learn::CostModel wrong = usual;
  wrong.fault_s = wrong.populate_s = wrong.dontneed_s = wrong.free_s = wrong.touch_after_free_s = 1;
  const learn::CostModel here = measure_costs(wrong);
  EXPECT_GT(here.fault_s, here.touch_after_free_s) << "a page that is still there is cheaper than a new one";
  for (const auto constant : {&learn::CostModel::fault_s, &learn::CostModel::populate_s, &learn::CostModel::dontneed_s, &learn::CostModel::free_s,
                              &learn::CostModel::touch_after_free_s}) {
    EXPECT_GE(here.*constant, usual.*constant / 40.001);
    EXPECT_LE(here.*constant, usual.*constant * 40.001);
  }
  EXPECT_EQ(here.remap_call_s, usual.remap_call_s) << "what is not measured stays";
}

}  // namespace
}  // namespace hakmem
