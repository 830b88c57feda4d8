// Growth: what a site's blocks have reached is what the next one gets room for, within bounds.
#include "large/growth.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

constexpr Growth::Site kSite{77};

TEST(Growth, GrantsWhatWasReachedUpToEightTimesTheSize) {
  Growth growth;
  EXPECT_EQ(growth.grant_room(kSite, kMiB), kMiB) << "nothing is known";
  growth.note(kSite, 6 * kMiB);
  growth.note(kSite, 2 * kMiB);
  EXPECT_EQ(growth.grant_room(kSite, kMiB), 6 * kMiB);
  growth.note(kSite, 100 * kMiB);
  EXPECT_EQ(growth.grant_room(kSite, kMiB), 8 * kMiB);
  EXPECT_EQ(growth.grant_room(kSite, 200 * kMiB), 200 * kMiB) << "further than any before";
}

TEST(Growth, ForgetsWhatIsNotReachedAgain) {
  Growth growth;
  growth.note(kSite, 100 * kMiB);
  int grants = 0;
  while (growth.goes_far(kSite)) {
    growth.grant_room(kSite, kMiB);
    ASSERT_LT(++grants, 40);
  }
  EXPECT_GT(grants, 8);
}

TEST(Growth, AnUnknownSiteLearnsNothingAndIsKnownByNobody) {
  Growth growth;
  growth.note(Growth::Site::kUnknown, 100 * kMiB);
  EXPECT_FALSE(growth.goes_far(Growth::Site::kUnknown));
  EXPECT_EQ(growth.grant_room(Growth::Site::kUnknown, kMiB), kMiB);
  EXPECT_FALSE(growth.goes_far(kSite));
}

}  // namespace
}  // namespace hakmem
