// Limit: what each way to ask for a limit means in bytes.
#include "api/limit.hpp"

#include <gtest/gtest.h>

namespace hakmem {
namespace {

using Rule = LimitChoice::Kind;
constexpr std::size_t kNone = SIZE_MAX;

TEST(Limit, OffIsNoneWhateverIsFound) {
  EXPECT_EQ(limit_in_bytes({Rule::kOff, 0}, 1000, 5000), kNone);
}

TEST(Limit, AutoIsWhatIsFound) {
  EXPECT_EQ(limit_in_bytes({Rule::kAuto, 0}, 1000, 5000), 1000u);
  EXPECT_EQ(limit_in_bytes({Rule::kAuto, 0}, kNone, 5000), kNone);
}

TEST(Limit, BytesAreWhatTheySay) {
  EXPECT_EQ(limit_in_bytes({Rule::kBytes, 70000}, 1000, 5000), 70000u);
}

TEST(Limit, PercentIsOfWhatIsFoundElseOfTheMachine) {
  EXPECT_EQ(limit_in_bytes({Rule::kPercent, 50}, 1000, 5000), 500u);
  EXPECT_EQ(limit_in_bytes({Rule::kPercent, 50}, kNone, 5000), 2500u);
  EXPECT_EQ(limit_in_bytes({Rule::kPercent, 100}, 9000, 5000), 5000u) << "no more than there is";
}

}  // namespace
}  // namespace hakmem
