// Growth: what a site's blocks have reached is what the next one gets room for, within bounds.
#include "large/growth.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace hakmem {
namespace {

constexpr Growth::Site kSite{77};

TEST(Growth, GrantsWhatWasReachedUpToEightTimesTheSize) {
  Growth growth;
  EXPECT_EQ(growth.room(kSite, kMiB), kMiB) << "nothing is known";
  growth.note(kSite, 6 * kMiB);
  growth.note(kSite, 2 * kMiB);
  EXPECT_EQ(growth.room(kSite, kMiB), 6 * kMiB);
  growth.note(kSite, 100 * kMiB);
  EXPECT_EQ(growth.room(kSite, kMiB), 8 * kMiB);
  EXPECT_EQ(growth.room(kSite, 200 * kMiB), 200 * kMiB) << "further than any before";
}

TEST(Growth, ForgetsWhatIsNotReachedAgain) {
  Growth growth;
  growth.note(kSite, 100 * kMiB);
  int grants = 0;
  while (growth.goes_far(kSite)) {
    growth.note_granted(kSite, kMiB);
    ASSERT_LT(++grants, 40);
  }
  EXPECT_GT(grants, 8);
}

std::unique_ptr<learn::Profile> profile_of(const Growth& growth) {
  auto profile = std::make_unique<learn::Profile>();
  EXPECT_TRUE(growth.add_to(*profile));
  return profile;
}

TEST(Growth, TheNextRunKnowsHowFarBlocksCame) {
  Growth first;
  first.count_steps();
  for (int block = 0; block < 20; ++block) {
    for (std::size_t size = kMiB; size <= 48 * kMiB; size *= 2) first.note(kSite, size);
  }
  first.note(kSite, 500 * kMiB);  // once: too rare to be a reach
  Growth second;
  second.start_from(*profile_of(first));
  EXPECT_TRUE(second.goes_far(kSite));
  EXPECT_EQ(second.room(kSite, 8 * kMiB), 32 * kMiB);
  EXPECT_EQ(second.room(Growth::Site{78}, 8 * kMiB), 8 * kMiB) << "another site";
}

TEST(Growth, CountsNearTheMostAreNoLessThanOthers) {
  auto profile = std::make_unique<learn::Profile>();
  const auto site = static_cast<learn::Site>(kSite);
  EXPECT_TRUE(learn::add_growth(*profile, site, learn::large_class_of(8 * kMiB), UINT64_MAX));
  EXPECT_TRUE(learn::add_growth(*profile, site, learn::large_class_of(16 * kMiB), UINT64_MAX / 8 + 1));
  EXPECT_TRUE(learn::add_growth(*profile, site, learn::large_class_of(32 * kMiB), UINT64_MAX / 8));
  Growth growth;
  growth.start_from(*profile);
  EXPECT_EQ(growth.room(kSite, 4 * kMiB), 16 * kMiB);
}

TEST(Growth, SavesWhatItHasCountedItselfAndNoMore) {
  Growth first;
  first.count_steps();
  for (int i = 0; i < 3; ++i) first.note(kSite, 16 * kMiB);
  const auto saved = profile_of(first);
  ASSERT_EQ(saved->growth_count, 1u);
  EXPECT_EQ(saved->growths[0].steps, 3u);
  EXPECT_EQ(learn::large_class_bytes(saved->growths[0].size_class), 16 * kMiB);
  Growth second;
  second.count_steps();
  second.start_from(*saved);
  EXPECT_EQ(profile_of(second)->growth_count, 0u);
  second.note(kSite, 16 * kMiB);
  EXPECT_EQ(profile_of(second)->growths[0].steps, 1u);
}

TEST(Growth, WithoutAProfileNothingIsCounted) {
  Growth growth;
  growth.note(kSite, 16 * kMiB);
  EXPECT_EQ(profile_of(growth)->growth_count, 0u);
}

TEST(Growth, AnUnknownSiteLearnsNothingAndIsKnownByNobody) {
  Growth growth;
  growth.note(Growth::Site::kUnknown, 100 * kMiB);
  EXPECT_FALSE(growth.goes_far(Growth::Site::kUnknown));
  EXPECT_EQ(growth.room(Growth::Site::kUnknown, kMiB), kMiB);
  EXPECT_FALSE(growth.goes_far(kSite));
}

}  // namespace
}  // namespace hakmem
