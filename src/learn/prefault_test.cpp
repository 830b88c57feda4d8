// Prefault: what is touched for certain pays on every machine where the call is cheaper than faults; what is not, does not.
#include "learn/prefault.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr CostModel kCosts;
constexpr double kPrice = 0.125;

TEST(Prefault, PaysForWhatIsTouchedForCertain) {
  EXPECT_TRUE(prefault_pays({1, 1}, kCosts, kPrice));
  EXPECT_TRUE(prefault_pays({1, 1e6}, kCosts, 1.25)) << "nothing is held for nothing";
}

TEST(Prefault, DoesNotPayForWhatIsNotTouched) {
  for (const double price : {0.0, 0.0125, 1.25}) EXPECT_FALSE(prefault_pays({0, 0}, kCosts, price)) << price;
}

TEST(Prefault, TheLongerOrTheDearerItIsHeldTheMoreHasToBeTouched) {
  EXPECT_TRUE(prefault_pays({0.8, 1}, kCosts, kPrice));
  EXPECT_FALSE(prefault_pays({0.8, 60}, kCosts, kPrice));
  EXPECT_FALSE(prefault_pays({0.8, 10}, kCosts, 1.25));
  EXPECT_TRUE(prefault_pays({0.99, 60}, kCosts, kPrice));
}

TEST(Prefault, WhereFaultsAreDearLessIsEnough) {
  CostModel hypervisor;
  hypervisor.fault_s = 10e-6;
  EXPECT_FALSE(prefault_pays({0.5, 1}, kCosts, kPrice));
  EXPECT_TRUE(prefault_pays({0.5, 1}, hypervisor, kPrice));
}

TEST(Prefault, TheMoreSlabsWereFilledTheMoreOfTheNextWillBe) {
  EXPECT_EQ(share_of_next_slab(0), 0) << "the first may serve a single block";
  EXPECT_EQ(share_of_next_slab(1), 0.5);
  EXPECT_EQ(share_of_next_slab(4), 0.875);
  EXPECT_LT(share_of_next_slab(255), 1);
}

TEST(Prefault, WhereTheCallIsNoCheaperItNeverPays) {
  CostModel old_kernel;
  old_kernel.populate_s = old_kernel.fault_s;
  EXPECT_FALSE(prefault_pays({1, 0}, old_kernel, kPrice));
}

}  // namespace
}  // namespace hakmem::learn
