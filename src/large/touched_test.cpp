// Touched: what a site's blocks have told is expected of its next one, and now and then it is asked again.
#include "large/touched.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace hakmem {
namespace {

constexpr learn::Site kSite = 0x1234;
constexpr unsigned kClass = 7;

class TouchedTest : public testing::Test {
 protected:
  std::unique_ptr<Touched> touched_ = std::make_unique<Touched>();
};

TEST_F(TouchedTest, OfANewSiteNothingIsKnown) {
  for (int i = 0; i < 8; ++i) EXPECT_LT(touched_->expect(kSite, kClass), 0);
}

TEST_F(TouchedTest, ASiteIsExpectedToGoOnAsItDid) {
  EXPECT_LT(touched_->expect(kSite, kClass), 0);
  touched_->note(kSite, kClass, 1);
  EXPECT_EQ(touched_->expect(kSite, kClass), 1);
  for (int i = 0; i < 16; ++i) touched_->note(kSite, kClass, 0);
  EXPECT_LT(touched_->expect(kSite, kClass), 0.02F);
}

TEST_F(TouchedTest, OneInSixteenIsLookedAt) {
  touched_->note(kSite, kClass, 1);
  unsigned blind = 0;
  for (unsigned i = 0; i < 4 * Touched::kBlind; ++i) blind += touched_->expect(kSite, kClass) < 0;
  EXPECT_EQ(blind, 4u);
}

TEST_F(TouchedTest, ClassesOfASiteAreTheirOwn) {
  touched_->note(kSite, kClass, 1);
  touched_->expect(kSite, kClass + 1);
  EXPECT_LT(touched_->expect(kSite, kClass + 1), 0);
}

TEST_F(TouchedTest, ANewSiteIsTakenToBeLikeTheOthersButForItsFirstBlock) {
  for (learn::Site site = 1; site <= 8; ++site) touched_->note(site, kClass, 1);
  EXPECT_LT(touched_->expect(kSite, kClass), 0);
  EXPECT_EQ(touched_->expect(kSite, kClass), 1);
}

TEST_F(TouchedTest, ARememberedBlockIsLookedAtOnce) {
  touched_->remember(kSite, kClass, {0x10000, 0x20000});
  EXPECT_EQ(touched_->take_remembered(kSite, kClass).bytes, 0x20000u);
  EXPECT_EQ(touched_->take_remembered(kSite, kClass).bytes, 0u);
}

TEST_F(TouchedTest, ABlockThatWasFreedIsNotRemembered) {
  touched_->remember(kSite, kClass, {0x10000, 0x20000});
  touched_->note(kSite, kClass, 0.5F);
  EXPECT_EQ(touched_->take_remembered(kSite, kClass).bytes, 0u);
}

}  // namespace
}  // namespace hakmem
