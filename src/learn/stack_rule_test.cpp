// Stack rules: what low-water mark, windowed peak and glibc's threshold let go, by hand.
#include "learn/stack_rule.hpp"

#include <gtest/gtest.h>

namespace hakmem::learn {
namespace {

constexpr unsigned kClass = 16;  // of 1 MiB
using OnFree = StackRule::OnFree;

TEST(StackRule, LowWaterLetsGoWhatWasIdleThroughoutASecond) {
  StackRule rule(SelectorKind::kLowWater);
  EXPECT_EQ(rule.unneeded(kClass, 8), 0u) << "nothing was idle throughout the first second";
  rule.note_taken(kClass, 5);
  rule.note_taken(kClass, 3);
  rule.note_taken(kClass, 6);
  EXPECT_EQ(rule.unneeded(kClass, 7), 3u);
  EXPECT_EQ(rule.unneeded(kClass, 7), 7u) << "nothing was taken in the third";
  EXPECT_EQ(rule.unneeded(kClass + 1, 7), 0u) << "classes do not share a mark";
}

TEST(StackRule, PeakLetsGoWhatWasIdleThroughoutTenSeconds) {
  StackRule rule(SelectorKind::kPeak);
  rule.unneeded(kClass, 8);
  rule.note_taken(kClass, 3);
  for (unsigned second = 1; second < 10; ++second)
    EXPECT_EQ(rule.unneeded(kClass, 8), 0u) << second;
  EXPECT_EQ(rule.unneeded(kClass, 8), 3u) << "ten seconds in a row had three to spare";
  EXPECT_EQ(rule.unneeded(kClass, 8), 8u) << "the second in which they were taken has passed";
}

TEST(StackRule, GlibcsThresholdRisesWithWhatItUnmaps) {
  StackRule rule(SelectorKind::kGlibc);
  EXPECT_EQ(rule.note_freed(kMiB, kMiB), OnFree::kGoes);
  EXPECT_EQ(rule.note_freed(kMiB, kMiB), OnFree::kStays);
  EXPECT_EQ(rule.note_freed(kMiB, 2 * kMiB), OnFree::kStays);
  EXPECT_EQ(rule.note_freed(kMiB, 3 * kMiB), OnFree::kAllGo) << "more than twice the threshold";
  EXPECT_EQ(rule.note_freed(64 * kMiB, 64 * kMiB), OnFree::kGoes);
  EXPECT_EQ(rule.note_freed(64 * kMiB, 64 * kMiB), OnFree::kGoes) << "beyond its reach";
  EXPECT_EQ(rule.unneeded(kClass, 5), 0u);
}

TEST(StackRule, ALearnerAsksForNone) {
  for (const SelectorKind kind : {SelectorKind::kHindsight, SelectorKind::kFixed}) {
    StackRule rule(kind);
    EXPECT_EQ(rule.note_freed(kGiB, kGiB), OnFree::kStays);
    rule.unneeded(kClass, 5);
    EXPECT_EQ(rule.unneeded(kClass, 5), 0u);
  }
}

}  // namespace
}  // namespace hakmem::learn
