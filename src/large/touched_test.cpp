// Touched: a site whose blocks are full earns as many as were full after another one; one that is not ends it.
#include "large/touched.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace hakmem {
namespace {

constexpr learn::Site kSite = 0x1234;
constexpr unsigned kClass = 7;

class TouchedTest : public testing::Test {
 protected:
  // How many blocks in a row may be populated now.
  unsigned allowed() {
    unsigned n = 0;
    for (; touched_->expect(kSite, kClass) > 0; ++n) touched_->use_allowance(kSite, kClass);
    return n;
  }
  void note(unsigned times, bool is_full) {
    for (unsigned i = 0; i < times; ++i) touched_->note(kSite, kClass, is_full);
  }

  std::unique_ptr<Touched> touched_ = std::make_unique<Touched>();
};

TEST_F(TouchedTest, OfANewSiteNothingIsKnown) { EXPECT_EQ(touched_->expect(kSite, kClass), 0); }

TEST_F(TouchedTest, AsManyMayBePopulatedAsWereFullAfterAnother) {
  note(1, true);
  EXPECT_EQ(allowed(), 0u);
  note(1, true);
  EXPECT_EQ(allowed(), 1u);
  note(3, true);
  EXPECT_EQ(allowed(), 4u);
  note(100, true);
  EXPECT_EQ(allowed(), 15u) << "then one has to be seen";
}

TEST_F(TouchedTest, TheMoreWereFullTheSurerIsTheNext) {
  note(2, true);
  EXPECT_DOUBLE_EQ(touched_->expect(kSite, kClass), 3.0 / 4);
  note(16, true);
  EXPECT_DOUBLE_EQ(touched_->expect(kSite, kClass), 19.0 / 20);
}

TEST_F(TouchedTest, OneThatIsNotFullEndsIt) {
  note(50, true);
  note(1, false);
  EXPECT_EQ(touched_->expect(kSite, kClass), 0);
  note(2, true);
  EXPECT_EQ(allowed(), 1u);
}

TEST_F(TouchedTest, EveryOtherFullOneEarnsNothing) {
  for (int i = 0; i < 50; ++i) {
    note(1, true);
    EXPECT_EQ(touched_->expect(kSite, kClass), 0);
    note(1, false);
  }
}

TEST_F(TouchedTest, WhileABlockIsToBeSeenNoneMayBePopulated) {
  note(5, true);
  touched_->remember(kSite, kClass, {0x10000, 0x20000});
  EXPECT_EQ(touched_->expect(kSite, kClass), 0);
  EXPECT_EQ(touched_->remembered(kSite, kClass).bytes, 0x20000u);
  note(1, true);
  EXPECT_GT(touched_->expect(kSite, kClass), 0);
  EXPECT_EQ(touched_->remembered(kSite, kClass).bytes, 0u);
}

TEST_F(TouchedTest, ClassesOfASiteAreTheirOwn) {
  note(5, true);
  EXPECT_EQ(touched_->expect(kSite, kClass + 1), 0);
}

}  // namespace
}  // namespace hakmem
